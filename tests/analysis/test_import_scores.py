"""Scores of imports: kept in 64 bits, in their own unit or as shares, and a report that claims no more than it was told."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from analysis.answer.first_screen import first_screen
from analysis.checks.gates import check_gates
from analysis.claims.files import judged_files
from analysis.claims.section import judge
from analysis.content import Report
from analysis.evidence.evidence import Evidence
from analysis.figures.catalogue import FIGURES
from analysis.figures.figure import charts
from analysis.importers.scores import simplest
from analysis.inference.findings import summarise
from analysis.logs.compact import Logs
from analysis.pages.html import page_html
from analysis.pages.markdown import page_markdown
from analysis.provenance.record import origins
from analysis.provenance.traces import section_traces
from analysis.report import make_tables
from analysis.text.table import to_markdown
from analysis.text.unit import own_unit
from sspo.errors import UserError
from tests.analysis.foreign_logs import finals, imported, scalar, version, write_events


def write_lines(folder: Path, runs: Mapping[tuple[str, int], Mapping[str, float]]) -> list[str]:
    """JSON lines of one step a run; returns sources."""
    sources = []
    for (arm, seed), row in runs.items():
        path = folder / f"{arm}{seed}.jsonl"
        path.write_text(json.dumps({"step": 2, **row}) + "\n")
        sources.append(f"{arm}:{seed}={path}")
    return sources


EQUAL = {
    (arm, seed): {"easy": easy, "hard": hard}
    for arm, values in (("a", ((0.80, 0.20), (0.82, 0.18))), ("b", ((0.85, 0.25), (0.87, 0.23))))
    for seed, (easy, hard) in enumerate(values * 2)
}
"""Every run of an arm averages .50, or .55: but for rounding, for .82 and .18 are no sum of halves."""
CLAIM = """title: t
claims:
  B1:
    says: b beats a
    measure: score
    arms: {name: b}
    against: {name: a}
    direction: higher
    smallest_effect: 0.02
"""


def compared(logs_sources: Sequence[str], folder: Path, **options: object) -> Evidence:
    return Evidence(imported(folder, logs_sources, ("easy", "hard"), baseline="a", **options))


@pytest.mark.parametrize("kept", ["64 bits", "32 bits", "TensorBoard"])
def test_equal_averages_have_no_p(kept: str, tmp_path: Path) -> None:
    """In whatever precision the tool kept them: a spread of rounding errors is none."""
    cast = float if kept == "64 bits" else lambda value: float(np.float32(value))
    runs = {who: {name: cast(value) for name, value in row.items()} for who, row in EQUAL.items()}
    sources = write_lines(tmp_path, runs)
    if kept == "TensorBoard":
        for (arm, seed), row in EQUAL.items():
            events = [version(2), *(scalar(2, value, name) for name, value in row.items())]
            write_events(tmp_path / f"{arm}{seed}", events)
        sources = [f"{arm}:{seed}={tmp_path}/{arm}{seed}" for arm, seed in EQUAL]
    evidence = compared(sources, tmp_path, scale=1.0)
    b = summarise(evidence, evidence.study.mode, evidence.study.temperature)[1]
    assert b.comparison is not None
    assert b.comparison.difference == pytest.approx(0.05, abs=1e-15)
    assert (b.comparison.low, b.comparison.p, b.adjusted) == (None, None, None)
    (tmp_path / "claim.yaml").write_text(CLAIM)
    (judged,) = judge(evidence, [tmp_path / "claim.yaml"])
    assert judged.verdicts["B1"].word == "not testable"
    assert "equal" in judged.lines[0].evidence


def test_results_hold_what_was_logged(tmp_path: Path) -> None:
    """In percent, a share or another unit: the data file has the numbers of the logs to their last digits."""
    for scale, times in ((0.01, 1), (1.0, 0.01), (None, 1)):
        runs = {
            ("a", 0): {"acc": 35.25 * times},
            ("b", 0): {"acc": 62.5 * times},
            ("b", 1): {"acc": 63.0 * times},
        }
        sources = write_lines(tmp_path, runs)
        table = make_tables(Evidence(imported(tmp_path, sources, scale=scale)), None)["results"]
        assert table is not None
        data = {row.cells[0].data["arm"]: row.cells[1].data["average_mean"] for row in table.rows}
        assert data == pytest.approx({"a": 35.25, "b": 62.75}, rel=1e-15 if times == 1 else 1e-14)


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        (0.8, 4 / 5),
        (1 / 3, 1 / 3),
        (7 / 30, 7 / 30),
        (-0.1, -0.1),
        (44.0, 44.0),
        (1.25e-3, 1.25e-3),
        (36.7, 36.7),
    ],
)
def test_a_number_of_32_bits_stands_for_the_simplest_that_rounds_to_it(value: float, meant: float) -> None:
    assert simplest(float(np.float32(value))) == meant
    assert np.float32(simplest(float(np.float32(value)))) == np.float32(value)


@pytest.mark.parametrize("value", [0.1 + 1e-12, math.pi, 0.0, -3.0, 1e300, 5e-324, 0.375])
def test_other_numbers_stay_as_they_are(value: float) -> None:
    assert simplest(value) == value


def test_own_units_have_four_digits_of_their_largest_value() -> None:
    def text(*values: float) -> list[str]:
        unit = own_unit(np.array(values))
        return [unit.text(v) for v in values]

    assert text(5.5, 6.6) == ["5.500", "6.600"]
    assert text(0.0321, -0.002) == ["0.03210", "−0.00200"]
    assert text(1234.5) == ["1235"]
    assert text(1e300, 2.0) == ["1.000e+300", "2.000e+00"]
    assert text(0.0) == ["0.000"]
    assert own_unit(np.array([5.5])).signed(0.25) == "+0.250"


def rewards(folder: Path) -> list[str]:
    """Rewards that no share could hold: grpo -3.0 and -2.5, gspo 5.5 and 6.5."""
    of = {("grpo", 0): -3.0, ("grpo", 1): -2.5, ("gspo", 0): 5.5, ("gspo", 1): 6.5}
    return write_lines(folder, {who: {"eval/reward": value} for who, value in of.items()})


def written(logs: Logs) -> Report:
    """A report without its pictures."""
    evidence = Evidence(logs)
    tables = [table for table in make_tables(evidence, None).values() if table is not None]
    verdicts = judge(evidence, judged_files(logs.manifest))
    shown = charts(figure.of(evidence) for figure in FIGURES)
    sections = section_traces(evidence, {})
    return Report(
        evidence, first_screen(evidence), None, check_gates(evidence), tables, [], shown, verdicts, sections
    )


OF_OURS = (
    "as reported",
    "one base model",
    "2511.04256",
    "percent",
    "eld-out",
    "in points",
    "(points)",
    "average %",
    "reward %",
)


def test_a_report_of_a_reward_speaks_of_that_reward_alone(tmp_path: Path) -> None:
    report = written(
        imported(tmp_path, rewards(tmp_path), "eval/reward", labels={"eval/reward": "mean reward"})
    )
    page, html = page_markdown(report), page_html(report, origins(report))
    table = to_markdown(report.tables[0])
    # the values of two runs, as four make a mean worth its interval: -3, -2.5 and 5.5, 6.5; the means differ by 8.75
    assert "| gspo | 5.500 / 6.500 |" in table
    assert "| −3.000 / −2.500 |" in table
    assert "+8.750" in table
    assert table.startswith("Mean reward of every arm and its difference to grpo.")
    assert "logged value of foreign/jsonl/eval/reward at step 2" in table
    assert report.charts["held_out_accuracy"].panels[0].y.label == "mean reward"
    assert [word for word in OF_OURS if word in page or word in html] == []
    for section in ("Verdicts", "Dynamics", "Stability"):  # of nothing that was logged
        assert section not in page
    assert "its margin is defined for shares" in page


def test_a_named_unit_stands_in_tables_and_on_axes(tmp_path: Path) -> None:
    """The means are -2.75 and 6 nats, so the difference is 8.75 nats."""
    sources, units = rewards(tmp_path), {"eval/reward": "nats"}
    logs = imported(tmp_path, sources, "eval/reward", labels={"eval/reward": "mean reward"}, units=units)
    report = written(logs)
    page = page_markdown(report)
    assert report.tables[0].caption[0].startswith("Mean reward (nats) of every arm")
    assert "its own unit" not in to_markdown(report.tables[0])
    assert report.charts["held_out_accuracy"].panels[0].y.label == "mean reward nats"
    forest = report.charts["difference_to_baseline"].rows
    assert forest is not None
    assert forest.axis.label.endswith(", nats")
    assert [word for word in OF_OURS if word in page] == []


def test_percent_is_a_scale_and_units_that_no_average_has_are_refused(tmp_path: Path) -> None:
    sources = write_lines(tmp_path, {(arm, 0): {"acc": 40.0, "loss": 2.0} for arm in ("a", "b")})
    assert finals(imported(tmp_path, sources, units={"acc": "percent"})) == {"a0": 0.4, "b0": 0.4}
    for primary, units, scale, said in (
        (("acc", "loss"), {"acc": "percent", "loss": "nats"}, None, "'nats', 'percent' have no average"),
        (
            ("acc", "loss"),
            {"loss": "nats"},
            None,
            "in 'nats' and in an unnamed unit have no average",
        ),
        (
            ("acc",),
            {"acc": "nats"},
            0.01,
            "in percentage points, not 'nats': leave out the scale or the unit",
        ),
        (("acc",), {"loss": "nats"}, None, "unknown primary metric 'loss'"),
    ):
        with pytest.raises(UserError, match=said):
            imported(tmp_path, sources, primary, units=units, scale=scale)


def test_a_report_has_what_its_import_asks_for(tmp_path: Path) -> None:
    runs = {
        (arm, seed): {"acc": level + seed}
        for arm, level in (("grpo", 40.0), ("gspo", 50.0))
        for seed in (0, 1)
    }
    sources = write_lines(tmp_path, runs)
    logs = imported(
        tmp_path, sources, scale=0.01, claims=("paper",), reference=True, base="Qwen2.5-Math-1.5B"
    )
    report = written(logs)
    page = page_markdown(report)
    assert "GRPO as reported" in page
    assert "one base model (Qwen2.5-Math-1.5B)" in " ".join(report.tables[0].common)
    assert "base model: Qwen2.5-Math-1.5B" in page
    assert [file.name for file in report.verdicts] == ["paper.yaml"]
    assert report.tables[0].caption[0].startswith("Acc (%) of every arm")
    labels = {panel.y.label for chart in report.charts.values() for panel in chart.panels}
    assert labels == {"acc %", "final average %"}
    assert logs.manifest["primary"]["labels"] == ["acc"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"claims": ("papr",)}, "unknown file of conf/claims 'papr': did you mean 'paper'?"),
        ({"reference": True}, "`reference` needs `scale`"),
        ({"labels": {"ac": "x"}}, "unknown primary metric 'ac': did you mean 'acc'?"),
        ({"labels": {"acc": "average"}}, "none may be called 'average'"),
        ({"scale": float("inf")}, "scale must be above 0"),
    ],
)
def test_what_a_report_cannot_show_is_refused(options: dict[str, object], said: str, tmp_path: Path) -> None:
    sources = write_lines(tmp_path, {("a", 0): {"acc": 0.5}})
    with pytest.raises(UserError) as caught:
        imported(tmp_path, sources, **options)
    assert said in str(caught.value)
