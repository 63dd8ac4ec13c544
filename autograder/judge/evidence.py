"""Reads what the probe sent. Everything in it is untrusted, and none of it is executed."""

from helpers.checks.records import decode_outcome

MIME = "application/vnd.convnets.evidence+json"


def read(outputs: list, nonce: str, runs: int) -> tuple[dict[tuple[str, int], dict], list[str]]:
    """Outcomes by (run, case) from a cell's outputs, and remarks on what was not as it should be.

    runs: how many cases there are. Two different answers to one question cancel each other.
    """
    found, remarks = {}, []
    for output in outputs:
        data = output.get("data") if output.get("output_type") == "display_data" else None
        if not isinstance(data, dict) or MIME not in data:
            continue
        message = data[MIME] if isinstance(data[MIME], dict) else {}
        run, case = message.get("run"), message.get("case")
        known = run in ("own", "given") and type(case) is int and 0 <= case < runs
        if not known or message.get("nonce") != nonce:
            remarks.append("an answer arrived that belongs to no question")
            continue
        try:
            outcome = decode_outcome(message.get("outcome"))
        except (ValueError, TypeError, AttributeError, OverflowError) as error:
            remarks.append(f"an answer could not be read ({error})")
            outcome = {}
        if message.get("withheld") is not True:
            remarks.append("an answer came while what the exercise withholds was within reach")
            outcome = {}
        if (run, case) in found:
            remarks.append("a question was answered twice; neither answer counts")
            outcome = {}
        found[run, case] = outcome
    return found, sorted(set(remarks))
