"""The lectures' claims: every one is recomputed, and no verdict is a matter of trust."""

import ast
import functools
import importlib
import inspect
import pkgutil
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

import helpers
from helpers import claims, counting
from helpers.claims import computed, history, networks, notation, recompute
from helpers.claims.notation import DIFFERENT, EQUAL, ROUNDED
from helpers.claims.recompute import Result, recomputations, swaps
from helpers.claims.table import COLUMNS, FILE
from helpers.models import vgg

COMPUTABLE = [
    claim
    for claim in claims.table().values()
    if claim.kind == "computable" and claim.verdict != "not checkable"
]


@pytest.fixture
def fresh():
    """Nothing counted before or during the test is remembered."""
    networks.forget()
    yield
    networks.forget()


# --- table and code -----------------------------------------------------------------------------


@pytest.mark.parametrize("topic", claims.topics())
def test_code_and_table_agree(topic):
    checked = map(claims.check, claims.select(topic))
    assert [problem for each in checked for problem in claims.problems(each)] == []


def test_nothing_is_computed_that_the_table_does_not_have():
    assert claims.strays() == []


def test_a_computation_without_a_row_is_a_stray(monkeypatch):
    table = {name: claim for name, claim in claims.table().items() if name != "pool-channels"}
    monkeypatch.setattr(recompute, "table", lambda: table)
    assert claims.strays() == ["pool-channels"]


def test_every_claim_of_the_five_decks_is_there():
    table = claims.table().values()
    assert Counter(claim.kind for claim in table) == {
        "computable": 336,
        "historical": 134,
        "design": 46,
    }
    assert len(COMPUTABLE) == 334
    verdicts = Counter(claim.verdict for claim in table)
    assert (verdicts["wrong"], verdicts["conflicting"]) == (38, 28)
    assert {deck for claim in table for deck in claim.decks} == claims.DECKS.keys()


def test_rows_are_complete_and_end_without_a_full_stop():
    for claim in claims.table().values():
        assert claim.decks, claim.id
        assert claim.claim, claim.id
        assert claim.stated, claim.id
        for column in ("claim", "stated", "right", "note", "source"):
            text = getattr(claim, column)
            assert text == text.strip(), claim.id
            assert not text.endswith("."), claim.id


def test_corrections_say_what_is_right_and_why():
    for claim in claims.select(verdicts=("wrong", "conflicting")):
        checked = claims.check(claim)
        assert checked.right != checked.stated, claim.id
        assert checked.why, claim.id


def test_historical_claims_say_where_they_were_looked_up():
    for claim in claims.table().values():
        if claim.kind == "historical" and claim.verdict != "not checkable":
            assert claim.source or claim.id in ("lrn-used", "lrn-vgg-none"), claim.id


def test_numbers_in_notes_are_computed_or_printed_by_the_lectures():
    """A note must not bring in by the back door what the code does not compute."""
    printed = " ".join(claim.stated for claim in claims.table().values())
    for claim in COMPUTABLE:
        numbers = re.findall(r"\d[\d,]*[.,]\d+", claim.note)
        known = f"{claim.claim} {claims.check(claim).right} {printed}"
        assert [number for number in numbers if number not in known] == [], claim.id


# --- recomputed, not remembered ------------------------------------------------------------------


class Broken(Exception):
    """Raised by every function and class of `helpers` that a claim might be computed with."""


def broken(*_, **__):
    raise Broken


def parts(module):
    """The functions and classes that a module defines."""
    for name, part in vars(module).items():
        if (
            inspect.isfunction(part) or inspect.isclass(part)
        ) and part.__module__ == module.__name__:
            yield name, part


@pytest.fixture
def without_helpers(fresh, monkeypatch):
    """Layers, networks and counting raise; so does the record of printed figures."""
    names = [module.name for module in pkgutil.walk_packages(helpers.__path__, "helpers.")]
    aside = ("helpers.claims", "helpers.checks", "helpers.plots", "helpers.data")
    modules = [importlib.import_module(name) for name in names if not name.startswith(aside)]
    for module in (*modules, history):
        for name, _ in parts(module):
            monkeypatch.setattr(module, name, broken)
    monkeypatch.setattr(networks, "ZOO", dict.fromkeys(networks.ZOO))


def test_no_claim_can_be_computed_without_helpers(without_helpers):
    survivors = []
    for claim in COMPUTABLE:
        try:
            claims.check(claim)
        except (Broken, AttributeError):
            continue
        survivors.append(claim.id)
    assert survivors == []


def test_computed_topics_hold_no_large_numbers():
    """Counts of parameters or operations have five digits or more; only powers of ten are units."""
    for module in computed.ALL:
        tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
        numbers = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
        large = [n for n in numbers if isinstance(n, int | float) and n >= 10_000]
        large = [n for n in large if str(int(n)).strip("0") != "1"]
        assert large == [], module.__name__


@pytest.fixture
def miscounted(fresh, monkeypatch):
    """Counting gives twice as much of everything, and something where there was nothing."""
    count = counting.count

    def wrong(model, input_shape):
        counted = count(model, input_shape)
        layers = tuple(
            replace(
                layer,
                out_shape=tuple(2 * side for side in layer.out_shape),
                kib=2 * layer.kib + 100,
                params=2 * layer.params + 10**6,
                macs=2 * layer.macs + 10**7,
                other_ops=2 * layer.other_ops,
            )
            for layer in counted.layers
        )
        return replace(counted, layers=layers, params=2 * counted.params)

    monkeypatch.setattr(counting, "count", wrong)


COUNTED = (
    "alexnet96-listing-conv*", "alexnet96-listing-fc*", "alexnet96-neurons-*", "alexnet96-60M",
    "alexnet64-*-mem", "alexnet64-*-params", "alexnet64-*-flop", "alexnet64-*-out",
    "vgg-table2-*", "vgg16-conv*", "vgg16-pool*", "vgg16-fc*", "vgg16-total-params",
    "googlenet-stem-*-mem", "googlenet-stem-*-params", "googlenet-stem-*-flop",
    "googlenet-stem-*-out", "inception-naive-out-*", "alphago-conv1", "resnet-56x56",
)  # fmt: skip


@pytest.mark.parametrize("pattern", COUNTED)
def test_a_wrong_count_is_noticed(miscounted, pattern):
    numeric = [claim for claim in claims.select(pattern) if claim.stated != "true"]
    for claim in (claim for claim in numeric if claim.verdict in ("agrees", "rounds")):
        assert claims.check(claim).verdict in ("wrong", "conflicting"), claim.id


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("conv-ex-params", "conv_cost"),
        ("vgg-rf-3x3", "receptive_field"),
        ("vgg-fig-7x7", "conv_cost"),
        ("vgg-27-49", "conv_cost"),
        ("conv-6filters", "conv_cost"),
    ],
)
def test_a_wrong_formula_is_noticed(fresh, monkeypatch, name, arguments):
    right = getattr(counting, arguments)

    def wrong(*given, **options):
        value = right(*given, **options)
        if isinstance(value, int):
            return value + 2
        shape = tuple(n + 1 for n in value.out_shape)
        return replace(value, params=value.params + 1, out_shape=shape)

    monkeypatch.setattr(counting, arguments, wrong)
    try:
        verdict = claims.check(claims.find(name)).verdict
    except ValueError as error:
        verdict = str(error)
    assert verdict not in ("agrees", "rounds")


def test_another_configuration_changes_the_verdicts(fresh, monkeypatch):
    """The list of the slides in place of VGG-16: its totals are then right, its depth is not."""
    cut = networks.short(vgg.CONFIGURATIONS["D"])
    entry = replace(networks.ZOO[networks.VGG16], build=lambda: vgg.make_vgg(cut))
    monkeypatch.setitem(networks.ZOO, networks.VGG16, entry)
    verdicts = {
        name: claims.check(claims.find(name)).verdict
        for name in ("vgg16-13.6gflop", "vgg16-total-48.6", "vgg-depth")
    }
    assert verdicts == {
        "vgg16-13.6gflop": "rounds",
        "vgg16-total-48.6": "rounds",
        "vgg-depth": "wrong",
    }


# --- causes --------------------------------------------------------------------------------------

PROVED = {
    "alexnet96-neurons-conv1": "48",
    "alexnet64-fc6-formula": "exchanging the digits 5 and 2",
    "alexnet64-fc6-params-2": "exchanging the digits 5 and 2",
    "vgg-stage3": "conv3_3",
    "vgg19-stages-4-5": "conv3_3",
    "vgg16-list-12conv": "conv3_3",
    "vgg19-list-14conv": "conv3_3",
    "vgg16-total-48.6": "conv3_3",
    "vgg16-13.6gflop": "conv3_3",
    "vgg16-ratio-25x": "conv3_3",
    "vgg16-ratio-19.4": "conv3_3",
    "googlenet-vs-vgg-mem": "conv3_3",
    "googlenet-vs-vgg-params": "conv3_3",
    "googlenet-vs-vgg-flop": "gives part of",
    "vgg-fig-2x3x3x64": "3 input channels",
    "vgg-fig-3x3x3x64": "3 input channels",
    "googlenet-12x": "60M by the 5M",
    "googlenet-stem-total-flop": "exchanging the digits 8 and 1",
    "inception-bneck-5x5-264": "a stray 2",
    "inception-bneck-ratio": "353M",
    "resnet-init": "halving the spread",
    "vgg16-total-mem-96": "gives part of",
}


@pytest.mark.parametrize("name", PROVED)
def test_the_cause_of_a_wrong_number_is_proved(name):
    assert PROVED[name].lower() in claims.check(claims.find(name)).cause.lower()


def test_a_slip_gives_353_million_and_another_the_358_of_another_edition():
    result = recomputations()["inception-bneck-total"]()
    assert result.cause("353M") == "counting the 5x5 product twice and no product of 64 filters"
    assert result.cause("358M") == "counting the 3x3 product twice"


def test_the_missing_layer_gives_the_printed_totals():
    cut = networks.counted_vgg(networks.short(vgg.CONFIGURATIONS["D"]))
    assert len(networks.convs(cut)) + len(networks.linears(cut)) == 15
    assert (cut.macs, round(networks.memory(*networks.convs(cut)) / 2**20, 2)) == (
        13_620_576_256,
        48.62,
    )


def test_exact_totals_that_the_course_quotes():
    assert networks.counted("GoogLeNet").macs == 1_582_671_872
    assert networks.counted("ResNet-152").macs == 11_513_626_624
    assert networks.counted("AlexNet-64", 227).macs == 716_767_232
    assert networks.counted(networks.VGG16).macs == 15_470_264_320


# --- notation and verdicts -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stated", "computed", "expected"),
    [
        ("72,855,552", 72_855_552, EQUAL),
        ("72,855,552", 72_855_553, DIFFERENT),
        ("23k", 23_296, ROUNDED),
        ("23k", 23_000, EQUAL),
        ("23k", 24_000, DIFFERENT),
        ("0.7G", 716_767_232, ROUNDED),
        ("16M", 16_781_312, ROUNDED),  # cut off
        ("~16M", 16_781_312, DIFFERENT),  # a round number must be rounded
        ("~140M", 138_357_544, ROUNDED),
        ("~140M", 145_000_001, DIFFERENT),
        ("~1M", 1_549_056, DIFFERENT),
        ("784KiB", 784 * 1024, EQUAL),
        ("1.9MiB", 1.912 * 2**20, ROUNDED),
        ("19.4x", 19.43, ROUNDED),
        ("81%", 81.48, ROUNDED),
        ("0", 5e-6, ROUNDED),
        ("0", 1e-15, EQUAL),
        ("0M", 419_904, ROUNDED),
        ("28x28x6", (28, 28, 6), EQUAL),
        ("28x28x6", (6, 28, 28), DIFFERENT),
        ("28x28x6", 6, DIFFERENT),
        ("true", True, EQUAL),
        ("true", False, DIFFERENT),
        ("true", 1, DIFFERENT),
        ("1", True, DIFFERENT),
        ("-", None, EQUAL),
        ("-", 0, DIFFERENT),
        ("0", None, DIFFERENT),
        ("conv-pool", "conv-pool", EQUAL),
        ("two words", "two words", EQUAL),
        ("5x5", "5x5", EQUAL),
        ("138M 61M 2.3x", [138_357_544, 61_100_840, 2.264], ROUNDED),
        ("138M 61M 2.3x", [138_357_544, 61_100_840, 2.5], DIFFERENT),
        ("4 5", [3, 4, 5], DIFFERENT),
        ("4 5", [4, 5], EQUAL),
        ("7485M 17.8x", [7_485_456_384, ...], ROUNDED),
    ],
)
def test_comparison_respects_the_printed_precision(stated, computed, expected):
    assert notation.compare(stated, computed) == expected


@pytest.mark.parametrize(
    ("stated", "computed", "text"),
    [
        ("145M", 149_520_384, "149,520,384"),
        ("48.6MiB", 51.678 * 2**20, "51.678 MiB"),
        ("25x", 27.53, "27.53x"),
        ("4%", 4.0, "4.0 %"),
        ("0", 5.3e-6, "5.3e-06"),
        ("true", False, "no"),
        ("24M 96M", [15, 60_950_432], "15; 60,950,432"),
        ("- 7.9%", [None, 7.9], "–, 7.9 %"),
        ("1x1", (28, 28), "28x28"),
    ],
)
def test_values_are_spelled_in_the_units_of_the_statement(stated, computed, text):
    assert notation.spell(computed, stated) == text


@pytest.mark.parametrize(
    ("stated", "text"),
    [
        ("~650k", "650k"),
        ("true", "yes"),
        ("24M 96M", "24M, 96M"),
        ("24,000 96M", "24,000; 96M"),
        ("784KiB", "784 KiB"),
        ("- 7.9%", "–, 7.9 %"),
        ("about four layers", "about four layers"),
        ("32, 64, 128", "32, 64, 128"),
    ],
)
def test_statements_are_readable(stated, text):
    assert notation.readable(stated) == text


@pytest.mark.parametrize(
    ("value", "verdict"), [(100, "agrees"), (100.4, "rounds"), (98, "conflicting"), (90, "wrong")]
)
def test_verdict_follows_from_value_and_readings(value, verdict):
    result = Result(value, readings={"when doubled": 100 if value == 98 else 3})
    assert result.verdict("100") == verdict


def test_a_slip_explains_but_excuses_nothing():
    result = Result(90, slips={"adding ten": 100})
    assert (result.verdict("100"), result.cause("100")) == ("wrong", "adding ten")


def test_swaps_exchange_neighbouring_digits_at_the_printed_precision():
    assert set(swaps(480_836_608, 10**6).values()) == {841 * 10**6, 418 * 10**6}
    assert set(swaps(123).values()) == {213, 132}


def test_wrong_and_conflicting_are_for_the_table_to_tell_apart_where_papers_differ():
    claim = claims.find("ablate-7-perf")
    assert recompute.check(claim).verdict == "conflicting"
    assert recompute.check(replace(claim, verdict="wrong")).verdict == "wrong"
    assert recompute.check(replace(claim, verdict="agrees")).verdict == "wrong"


# --- problems are named --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"verdict": "agrees"}, "the table says agrees"),
        ({"verdict": "not checkable"}, "not checkable"),
        ({"stated": "150M"}, "rounds, but the table says wrong"),
        ({"id": "alexnet64-conv9-flop"}, "nothing computes it"),
        ({"right": "150M"}, "does not belong into the table"),
    ],
)
def test_disagreement_is_told_with_the_claim(changed, words):
    claim = replace(claims.find("alexnet64-conv4-flop"), **changed)
    (problem,) = claims.problems(claims.check(claim))
    assert problem.startswith(f"{claim.id}: ")
    assert words in problem


def test_a_row_that_is_none_is_named_with_its_line(monkeypatch, tmp_path):
    lines = FILE.read_text(encoding="utf-8").splitlines()
    broken_tables = {
        "twice": [*lines[:3], lines[2]],
        "verdict is": [lines[0], lines[1].replace("agrees", "true")],
        "the columns must be": [lines[0], "a,b"],
        "no deck": [lines[0], lines[1].replace("cs231n", "cs999")],
    }
    module = importlib.import_module("helpers.claims.table")
    for words, rows in broken_tables.items():
        path = tmp_path / "table.csv"
        path.write_text("\n".join(rows) + "\n", encoding="utf-8")
        monkeypatch.setattr(module, "FILE", path)
        with pytest.raises(ValueError, match=words):
            module.table.__wrapped__()


def test_two_recomputations_of_one_claim_are_refused(monkeypatch):
    monkeypatch.setattr(computed, "ALL", (computed.lenet, computed.lenet))
    with pytest.raises(ValueError, match="computed twice: lenet-conv-5x5"):
        functools.partial(recomputations.__wrapped__)()


# --- for notebooks -------------------------------------------------------------------------------


def test_find_and_select():
    assert claims.find("lenet-params").stated == "60k"
    with pytest.raises(KeyError, match="no claim is called 'lenet'"):
        claims.find("lenet")
    assert [claim.id for claim in claims.select("pool-ex*", "lenet-params")] == [
        "pool-example",
        "lenet-params",
    ]
    assert len(claims.select("vgg16-*-mem", "vgg16-conv1_1-mem")) == 23
    assert {claim.topic for claim in claims.select("resnet")} == {"resnet"}
    assert [claim.id for claim in claims.select("alphago", verdicts="wrong")] == []
    with pytest.raises(KeyError, match="no claim and no topic is called 'vgg17'"):
        claims.select("vgg17")


def test_rows_say_what_is_computed_looked_up_or_neither():
    rows = claims.rows("lenet-params", "vgg-t3-D-256", "vgg-rule-conv", "resnet-wd")
    assert rows[0] == [
        "Parameters of LeNet-5",
        "60k",
        "60,000 (as built today 61,706)",
        f"agrees. {claims.find('lenet-params').note}.",
    ]
    assert rows[1][1:] == ["27.0 %, 8.8 %", "27.0 %, 8.8 %, looked up", "agrees"]
    assert rows[2][2] == "not computed"
    assert rows[3][1:3] == ["1e-5", "1e-4"]


def test_show_displays_a_table(monkeypatch):
    from helpers import plots

    shown = []
    monkeypatch.setattr(plots, "table", lambda header, rows: shown.append((header, rows)))
    claims.show("alexnet64", verdicts=["wrong"])
    [(header, rows)] = shown
    assert list(header) == ["claim", "the slides say", "computed here", "verdict"]
    assert [row[1] for row in rows] == ["37,726k", "37,725,832", "145M"]


# --- printed figures -----------------------------------------------------------------------------


def test_vgg_tables_repeat_each_other_where_they_should():
    tables = {number: history.vgg_table(number) for number in range(2, 8)}
    assert [len(table) for table in tables.values()] == [6, 12, 10, 6, 4, 15]
    for name in "DE":
        best = min((row.top5, row.top1) for row in tables[4] if row.name == name)
        (dense,) = (r for r in tables[5] if (r.name, r.method) == (name, history.DENSE))
        assert best == (dense.top5, dense.top1)
    both = tables[6][3]
    assert (both.top1, both.top5, both.top5_test) == (
        tables[7][0].top1,
        tables[7][0].top5,
        tables[7][0].top5_test,
    )
    assert {row.test for row in tables[4]} == {(224, 256, 288), (352, 384, 416), (256, 384, 512)}
    assert {row.test for row in tables[3]} == {(256,), (384,)}


def test_vgg_table_2_is_what_counting_gives():
    for name, millions in history.vgg_table(2):
        counted = networks.counted_vgg(vgg.CONFIGURATIONS[name]).params
        assert notation.compare(f"{millions}M", counted) != DIFFERENT


def test_there_is_no_other_vgg_table():
    with pytest.raises(KeyError, match="not 8"):
        history.vgg_table(8)


def test_errors_by_year_fall():
    errors = [entry.top5 for entry in history.ilsvrc()]
    assert errors == sorted(errors, reverse=True)
    assert [entry.year for entry in history.ilsvrc()] == list(range(2010, 2018))


def test_the_table_has_these_columns():
    header = FILE.read_text(encoding="utf-8").splitlines()[0]
    assert header.split(",") == list(COLUMNS)


def test_a_summary_counts_what_the_table_holds():
    said = claims.summary("googlenet")
    assert said.startswith("65 claims, 58 of them recomputed just now: 38 agree, 15 are rounded")
    assert "11 wrong" in said
