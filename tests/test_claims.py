"""`course claims`: what the lectures say against what the code computes, and the errata of it."""

from dataclasses import replace

import pytest

from autograder import claims as reviewing
from autograder import cli
from helpers import claims


@pytest.fixture(scope="module")
def reviewed():
    """All claims, checked once."""
    return reviewing.review()


def test_all_computable_claims_are_recomputed_and_agree(reviewed):
    assert (reviewed.recomputed, reviewed.problems) == (334, ())


def test_tallies_add_up(reviewed):
    *topics, total = reviewed.tallies()
    assert [tally.topic for tally in topics] == claims.topics() == list(reviewing.TITLES)
    assert total.claims == sum(tally.claims for tally in topics) == 516
    for verdict in claims.VERDICTS:
        assert total.verdicts[verdict] == sum(tally.verdicts[verdict] for tally in topics)
    assert total.verdicts["wrong"] == 38
    assert total.verdicts["conflicting"] == 28


def test_committed_errata_are_what_the_command_writes(reviewed, tmp_path):
    path = reviewing.write(reviewed, tmp_path / "errata.md")
    committed = reviewing.ERRATA.read_text(encoding="utf-8")
    assert path.read_text(encoding="utf-8") == committed, "run `course claims --errata`, commit it"


def test_errata_list_every_wrong_and_conflicting_claim_once(reviewed):
    text = reviewing.errata(reviewed)
    for each in reviewed.checked:
        listed = each.verdict in ("wrong", "conflicting")
        assert text.count(f"| `{each.claim.id}` |") == listed, each.claim.id


def test_errata_are_a_well_formed_table(reviewed):
    rows = [line for line in reviewing.errata(reviewed).splitlines() if "` |" in line]
    assert {line.replace(r"\|", "").count("|") for line in rows} == {7}


def test_a_bar_in_a_cell_does_not_end_it(reviewed):
    first = reviewed.checked[0]
    claim = replace(first.claim, verdict="wrong", stated="a | b", right="c")
    changed = replace(reviewed, checked=(replace(first, claim=claim),))
    assert r"| a \| b | c |" in reviewing.errata(changed)


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stop:
        cli.app(["claims", *arguments])
    return stop.value.code


def test_command_ends_with_the_count(monkeypatch, reviewed, capsys):
    monkeypatch.setattr(reviewing, "review", lambda: reviewed)
    assert run() == 0
    out = capsys.readouterr().out
    assert out.splitlines()[-1] == "claims: 334 recomputed, 0 disagree"
    assert "googlenet" in out


def test_command_fails_when_code_and_table_disagree(monkeypatch, reviewed, capsys):
    table = dict(claims.table())
    table["pool-channels"] = replace(table["pool-channels"], stated="32")
    monkeypatch.setattr(claims, "table", lambda: table)
    assert run() == 1
    out = capsys.readouterr().out.splitlines()
    assert out[-1] == "claims: 334 recomputed, 1 disagree"
    assert out[-2].startswith("pool-channels: the slide says 32, computed is 64")


def test_command_fails_for_a_computation_without_a_row(monkeypatch, capsys):
    table = dict(claims.table())
    del table["pool-channels"]
    monkeypatch.setattr(claims, "table", lambda: table)
    monkeypatch.setattr(claims, "strays", lambda: ["pool-channels"])
    assert run() == 1
    out = capsys.readouterr().out.splitlines()
    assert out[-2:] == [
        "pool-channels: it is computed, but no row of the table has it",
        "claims: 333 recomputed, 1 disagree",
    ]


def test_command_writes_the_errata(monkeypatch, reviewed, tmp_path, capsys):
    path = tmp_path / "errata.md"
    monkeypatch.setattr(reviewing, "review", lambda: reviewed)
    monkeypatch.setattr(reviewing.write, "__defaults__", (path,))
    assert run("--errata") == 0
    assert path.read_text(encoding="utf-8").startswith("# Errata\n")
    assert str(path) in capsys.readouterr().out.replace("\n", "")
