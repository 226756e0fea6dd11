"""The results tables: arms by evaluation sets, and the difference of the average to the baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from analysis.checks.matching import label_cell, matching_note
from analysis.evidence.evidence import AVERAGE, GREEDY, Evidence, Summary, summarise
from analysis.evidence.published import REPORTED, source
from analysis.evidence.result_traces import ResultTraces
from analysis.logs.manifest import ENDED_EARLY, LOGGED, Study
from analysis.logs.run_folders import LOST
from analysis.statistics import Comparison
from analysis.tables import captions
from analysis.text.numbers import numbers, p_text, spread
from analysis.text.rounding import rounded
from analysis.text.table import Cell, Row, Table
from analysis.text.unit import Unit

NOTHING = Cell("–")
GROUPS = {"base": "base", "arm": "arm", "no_clip": "arm", "aa": "a/a"}


def decoding(evidence: Evidence, mode: str, temperature: float) -> str:
    """How answers were decoded, in words; k is samples a question."""
    if mode == "greedy":
        return "greedy accuracy"
    if mode == LOGGED and not evidence.by_question:
        return logged_score(evidence)
    q = evidence.questions
    q = q[(q["mode"] == mode) & (q["temperature"] == temperature)]
    if mode == LOGGED:
        return f"{_avg_at(q['count'])} of {_graders(evidence)}, each run as its evaluation drew answers,"
    bases = [r for arm in evidence.study.with_role("base") for r in evidence.counted(arm)]
    of_base = q["run"].isin(bases)
    base_k, k = _avg_at(q[of_base]["count"]), _avg_at(q[~of_base]["count"])
    note = f" (base: {base_k})" if base_k and k and base_k != k else ""
    return f"{k or base_k}{note} at T = {temperature:g}"


def _graders(evidence: Evidence) -> str:
    """What scored answers that were imported one by one."""
    return "; ".join(evidence.logs.manifest["primary"]["metrics"])


def logged_score(evidence: Evidence) -> str:
    """What imported scores are, in words."""
    primary = evidence.logs.manifest["primary"]
    scale = "" if primary["scale"] in (None, 1) else f" times {primary['scale']:g}"
    at = "each run's last step" if primary["step"] is None else f"step {primary['step']}"
    return f"logged value{scale} of {', '.join(primary['metrics'])} at {at}"


def _avg_at(samples: pd.Series) -> str:
    return " and ".join(f"avg@{k}" for k in sorted({int(n) for n in samples}))


def primary_results(evidence: Evidence) -> Table | None:
    """Scores of the study's primary metric."""
    return results_table(evidence, "results", evidence.study.mode, evidence.study.temperature)


def greedy_results(evidence: Evidence) -> Table | None:
    """Scores of greedy answers, where they are not those of the primary metric."""
    if (evidence.study.mode, evidence.study.temperature) == GREEDY:
        return None
    return results_table(evidence, "results_greedy", *GREEDY)


def results_table(evidence: Evidence, name: str, mode: str, temperature: float) -> Table | None:
    """Scores under one decoding in percent points; None where no run was evaluated that way."""
    scores = evidence.scores(mode, temperature)
    if scores.empty:
        return None
    summaries = summarise(evidence, mode, temperature)
    order = sorted(summaries, key=lambda s: s.arm.role != "base")
    traces = ResultTraces(evidence, mode, temperature)
    rows = [_row(evidence, summary, summaries, traces) for summary in order]
    columns = ("arm", *evidence.sets, AVERAGE, "n", "not done", "Δ average", "p (Holm)")
    reported = _reported(evidence.sets) if shows_reported(evidence) else ()
    return Table(
        name=name,
        caption=_caption(evidence, summaries, (mode, temperature), name == "results"),
        columns=columns,
        rows=(*rows, *reported),
        headings={"reference": f"Reported by {source(evidence.sets)}; not comparable, in no statistic"}
        if reported
        else {},
        caption_trace=traces.whole("runs counted, and standard errors of one run's average"),
    )


def shows_reported(evidence: Evidence) -> bool:
    """Whether the paper's own numbers stand below: of imported logs, where the import asked for them."""
    return not evidence.study.imported or bool(evidence.logs.manifest["imported"].get("reference"))


def _row(evidence: Evidence, summary: Summary, family: list[Summary], traces: ResultTraces) -> Row:
    arm, scored = summary.arm, summary.columns.get(AVERAGE)
    cells, unit = [label_cell(evidence, arm)], evidence.unit
    for column in (*evidence.sets, AVERAGE):
        interval = summary.columns.get(column)
        bold, source = column in summary.best, traces.score(arm, column)
        second = column in summary.second
        cells.append(Cell(spread(interval, unit), numbers(column, interval, unit), bold, source, second))
    states = evidence.runs.loc[evidence.runs["arm"] == arm.name, "status"].value_counts()
    lost = {s: int(states.get(s, 0)) for s in (*LOST, *((ENDED_EARLY,) if evidence.study.imported else ()))}
    planned = {"planned": len(arm.seeds), **lost}
    cells.append(Cell(f"{scored.n if scored else 0}/{len(arm.seeds)}", planned, trace=traces.count(arm)))
    states_lost = ", ".join(f"{n} {state}" for state, n in lost.items() if n) or "–"
    cells.append(Cell(states_lost, trace=traces.lost(arm)))
    difference, adjusted = _comparison(summary.comparison, summary.p_holm, unit)
    cells += [
        replace(difference, trace=traces.difference(summary)),
        replace(adjusted, trace=traces.adjusted(summary, family)),
    ]
    return Row(GROUPS[arm.role], tuple(cells))


def _comparison(c: Comparison | None, p_holm: float | None, unit: Unit) -> tuple[Cell, Cell]:
    if c is None:
        return NOTHING, NOTHING
    text = unit.signed(c.difference)
    if c.low is not None and c.high is not None:
        text += f" [{unit.signed(c.low)}, {unit.signed(c.high)}]"
    low, high = (None if v is None else unit.factor * v for v in (c.low, c.high))
    data = {"difference": unit.factor * c.difference, "difference_low": low, "difference_high": high}
    return (
        Cell(text, {**data, "difference_n": c.n, "test": c.test, "p": c.p}),
        Cell(p_text(p_holm), {"p_holm": p_holm}),
    )


def _reported(sets: Sequence[str]) -> tuple[Row, ...]:
    return tuple(
        Row(
            "reference",
            (
                Cell(r.label, {"arm": "", "label": f"{r.label} ({source(sets)})"}),
                *[NOTHING] * len(sets),
                Cell(rounded(r.average, ".1f"), {f"{AVERAGE}_mean": r.average}),
                *[NOTHING] * 4,
            ),
        )
        for r in REPORTED
    )


def _caption(
    evidence: Evidence, summaries: list[Summary], how: tuple[str, float], primary: bool
) -> tuple[str, ...]:
    """`how` is the table's decoding, whose runs and errors it states."""
    study, metric = evidence.study, decoding(evidence, *how)
    kind = _kind(evidence) if primary else "a secondary metric"
    unit = "percent points" if evidence.unit.percent else "its own unit"
    # what imported scores are says at which step
    when = "" if study.imported else " at the fixed last step"
    sentences = [
        f"{study.title}: {metric} in {unit}{when}, {kind}.",
        captions.run_counts(evidence, evidence.scores(*how)),
        captions.interval_rule(evidence),
        _bold_rule(summaries),
        f"Δ average is {_against(study)} ({_test(evidence, summaries)}); "
        "p is Holm-adjusted over the arms. The untrained base and the A/A arm never compete.",
        captions.evaluation_note(evidence, *how),
        *matching_note(evidence),
        *captions.warnings(evidence),
    ]
    return tuple(s for s in sentences if s)


def _against(study: Study) -> str:
    """`against X`, and which arms are tested against another one."""
    first, *others = study.references()
    sentence = f"against {first.label}"
    for other in others:
        tested = ", ".join(arm.label for arm in study.arms if arm.against == other.name)
        sentence += f", and for {tested} against {other.label}"
    return sentence


def _kind(evidence: Evidence) -> str:
    if evidence.study.imported:
        return "the primary metric that the import named"
    if evidence.logs.manifest.get("amended_after_runs"):
        return "the primary metric; the spec's test, primary metric or gates were changed after runs had finished"
    return "the primary metric, fixed before the runs"


def _test(evidence: Evidence, summaries: list[Summary]) -> str:
    """The test of differences, naming the arms that a paired study could not pair."""
    if evidence.study.test != "paired":
        return "Welch's t, unadjusted 95 % interval"
    welch = [s.arm.label for s in summaries if s.comparison is not None and s.comparison.test == "welch"]
    fallen = f"; Welch's t for {', '.join(welch)}, planned on other seeds" if welch else ""
    return f"paired t over shared seeds, unadjusted 95 % interval{fallen}"


def _bold_rule(summaries: list[Summary]) -> str:
    if any(summary.best for summary in summaries):
        rule = "Bold: the best arm of a column and every arm not distinguishable from it (Games-Howell, 5 %)"
        others = any(summary.second for summary in summaries)
        return f"{rule}; underlined: the same among the others." if others else f"{rule}."
    return "Nothing is bold: Games-Howell needs two scored runs of every arm, and two arms."
