"""Reads what the probe sent. Everything in it is untrusted, and none of it is executed."""

from helpers.checks.records import decode_outcome

MIME = "application/vnd.convnets.evidence+json"


def read(outputs: list, nonce: str, runs: int) -> tuple[dict[tuple[str, int], dict], list[str]]:
    """Outcomes by (run, case) from a cell's outputs, and remarks on what was not as it should be.

    runs: how many cases there are. Two different answers to one question cancel each other.
    """
    found, remarks = {}, []
    for output in outputs:
        data = output.get("data", {}) if output.get("output_type") == "display_data" else {}
        message = data.get(MIME)
        if message is None:
            continue
        run, case = (message.get("run"), message.get("case")) if isinstance(message, dict) else (0, 0)
        known = run in ("own", "given") and type(case) is int and 0 <= case < runs
        if not known or message.get("nonce") != nonce:
            remarks.append("an answer arrived that belongs to no question")
            continue
        try:
            outcome = decode_outcome(message.get("outcome"))
        except (ValueError, TypeError, AttributeError) as error:
            remarks.append(f"an answer could not be read ({error})")
            outcome = {}
        if (run, case) in found:
            remarks.append("a question was answered twice; neither answer counts")
            outcome = {}
        found[run, case] = outcome
    return found, sorted(set(remarks))
