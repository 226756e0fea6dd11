"""The results tables: arms by evaluation sets, and the difference of the average to the baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from analysis.checks.matching import label_cell, matching_note
from analysis.evidence.collapse import any_collapsed
from analysis.evidence.evidence import AVERAGE, GREEDY, Evidence
from analysis.evidence.published import REPORTED, source
from analysis.evidence.result_traces import ResultTraces
from analysis.inference.above_base import above_base
from analysis.inference.findings import NORMALITY, SIGNS, Summary, alone, summarise
from analysis.inference.rule import rule_of
from analysis.logs.manifest import ENDED_EARLY, LOGGED, Arm, Study
from analysis.logs.run_folders import LOST
from analysis.registration.standing import REGISTERED
from analysis.statistics import Interval
from analysis.statistics.families import FEWEST_RUNS
from analysis.tables import captions
from analysis.text.numbers import numbers, p_text, spread
from analysis.text.rounding import rounded
from analysis.text.table import Cell, Row, Table
from analysis.text.unit import Unit

NOTHING = Cell("–")
BELOW_BASE = " †"
"""Behind the average of an arm that is not shown to beat the untrained base."""
RESTS = {NORMALITY: " n", SIGNS: " s"}
"""Behind a p, what a finding rests on."""
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
    primary = name == "results"
    rows = [_row(evidence, summary, summaries, traces, primary=primary) for summary in order]
    columns = ("arm", *evidence.sets, AVERAGE, "n", "not done", "Δ average", "p (Holm)")
    reported = _reported(evidence.sets) if shows_reported(evidence) else ()
    return Table(
        name=name,
        caption=_caption(evidence, summaries, (mode, temperature), primary),
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


def _below_base(evidence: Evidence, arm: Arm) -> bool:
    """Whether the arm was tested against the untrained base and not shown to beat it."""
    found = above_base(evidence).get(arm.name)
    return found is not None and found.shown is False


def _row(
    evidence: Evidence, summary: Summary, family: list[Summary], traces: ResultTraces, *, primary: bool
) -> Row:
    arm, scored = summary.arm, summary.columns.get(AVERAGE)
    cells = [label_cell(evidence, arm)]
    for column in (*evidence.sets, AVERAGE):
        interval, bold = summary.columns.get(column), summary.best and column == AVERAGE
        shown = (
            interval
            if interval is None or interval.n >= FEWEST_RUNS
            else replace(interval, low=None, high=None)
        )
        text = _score(shown, summary.values.get(column, ()), evidence.unit)
        if column == AVERAGE and primary and _below_base(evidence, arm):
            text += BELOW_BASE
        cells.append(Cell(text, numbers(column, shown, evidence.unit), bold, traces.score(arm, column)))
    planned = sum(len(same.seeds) for same in evidence.same_cell(arm))
    states = evidence.runs.loc[evidence.runs["arm"] == arm.name, "status"].value_counts()
    lost = {s: int(states.get(s, 0)) for s in (*LOST, *((ENDED_EARLY,) if evidence.study.imported else ()))}
    count = f"{scored.n if scored else 0}/{planned}"
    cells.append(Cell(count, {"planned": planned, **lost}, trace=traces.count(arm)))
    states_lost = ", ".join(f"{n} {state}" for state, n in lost.items() if n) or "–"
    cells.append(Cell(states_lost, trace=traces.lost(arm)))
    difference, adjusted = _comparison(evidence, summary)
    of_test = traces.adjusted(arm, summary.comparison, [s.arm for s in family if s.adjusted is not None])
    cells += [
        replace(difference, trace=of_test),
        replace(adjusted, trace=of_test),
    ]
    return Row(GROUPS[arm.role], tuple(cells))


def _score(interval: Interval | None, values: Sequence[float], unit: Unit) -> str:
    """Mean and half interval; of few runs the values, which say more."""
    if interval is None or interval.n >= FEWEST_RUNS:
        return spread(interval, unit)
    return " / ".join(unit.text(value) for value in values)


def _comparison(evidence: Evidence, summary: Summary) -> tuple[Cell, Cell]:
    """The difference with the interval that agrees with p, and Holm's p with what it rests on."""
    c, unit, adjusted = summary.comparison, evidence.unit, summary.adjusted
    if c is None:
        return NOTHING, NOTHING
    shown = summary.shown_interval
    text = unit.signed(c.difference)
    if shown[0] is not None and shown[1] is not None:
        text += f" [{unit.signed(shown[0])}, {unit.signed(shown[1])}]"
    low, high = (None if v is None else unit.factor * v for v in shown)
    data: dict[str, float | int | str | None] = {
        "difference": unit.factor * c.difference,
        "difference_low": low,
        "difference_high": high,
    }
    tested: dict[str, float | int | str | None] = {
        "difference_n": c.n,
        "test": c.test,
        "level": None if adjusted is None else adjusted.level,
    }
    alpha = rule_of(evidence).alpha
    rests = "" if alpha is None else summary.rests_on(alpha)
    p_holm = None if adjusted is None else adjusted.p
    of_p: dict[str, float | int | str | None] = {
        "p_holm": p_holm,
        "p_sign_flips": summary.flips_p,
        "rests_on": rests,
    }
    return (
        Cell(text, {**data, **tested, **_both(evidence, summary)}),
        Cell(p_text(p_holm) + RESTS.get(rests, ""), of_p),
    )


def _both(evidence: Evidence, summary: Summary) -> dict[str, float | int | str | None]:
    """Either test as it comes, and how far seeds pair: for the data file."""
    found, unit = summary.compared, evidence.unit
    if found is None or rule_of(evidence).alpha is None:
        return {}
    data: dict[str, float | int | str | None] = {"seed_correlation": found.correlation}
    for name, c in (("welch", found.welch), ("paired", found.paired)):
        ends = (None, None) if c is None else (c.low, c.high)
        low, high = (None if v is None else unit.factor * v for v in ends)
        data |= {f"{name}_low": low, f"{name}_high": high, f"{name}_p": None if c is None else c.p}
    return data


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
    # what imported scores are says at which step
    when = "" if study.imported else " at the fixed last step"
    sentences = [
        f"{study.title}: {metric} in {evidence.unit.name}{when}, {kind}.",
        captions.run_counts(evidence, evidence.scores(*how)),
        captions.interval_rule(evidence),
        *(_inference(evidence, summaries) if primary else [SECONDARY]),
        captions.evaluation_note(evidence, *how),
        *matching_note(evidence),
        *captions.warnings(evidence),
    ]
    return tuple(s for s in sentences if s)


SECONDARY = "A secondary metric has no p and no bold; its differences have unadjusted 95 % intervals."


def _inference(evidence: Evidence, summaries: list[Summary]) -> list[str]:
    """How the primary column is judged."""
    rule = rule_of(evidence)
    if rule.alpha is None:
        return [f"Δ average is {_against(evidence.study)}; nothing is tested before the study has finished."]
    tested = [s for s in summaries if s.adjusted is not None]
    if not tested:
        few = f"Δ average is {_against(evidence.study)}, untested: a p takes {FEWEST_RUNS} scored runs of both arms."
        return [few]
    return [
        f"Δ average is {_against(evidence.study)} by {_test(evidence, tested)}. p is Holm-adjusted over {len(tested)} "
        f"arms; an interval leaves out zero where p is below {rounded(rule.alpha, '.2g')}.",
        _bold_rule(evidence, summaries),
        *(
            ["†: not shown to beat the untrained base."]
            if any(_below_base(evidence, s.arm) for s in summaries)
            else []
        ),
        *_rests(tested, rule.alpha),
        *_alone(evidence, tested, rule.alpha),
    ]


def _rests(tested: list[Summary], alpha: float) -> list[str]:
    """What the marks behind a p mean, where there is one."""
    marks = {s.rests_on(alpha) for s in tested}
    if not any(s.flips_p is not None for s in tested):
        return []
    says = {
        NORMALITY: "n: rests on normality, joint sign flips of seeds do not show it.",
        SIGNS: "s: joint sign flips of seeds show it, and the test does not.",
    }
    found = [sentence for mark, sentence in says.items() if mark in marks]
    return found or ["Joint sign flips of seeds agree with every p on what differs."]


def _alone(evidence: Evidence, tested: list[Summary], alpha: float) -> list[str]:
    """Findings that pairing by seed makes or unmakes."""
    return [
        f"Shown by {test} alone: {', '.join(s.arm.label for s in arms)}."
        for test, arms in alone(evidence, tested, alpha).items()
    ]


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
    fixed = rule_of(evidence).standing.state == REGISTERED
    return (
        "the primary metric, registered before the runs"
        if fixed
        else "the primary metric that the spec names"
    )


def _test(evidence: Evidence, tested: list[Summary]) -> str:
    """The test of differences, naming the arms that a paired study could not pair."""
    if not rule_of(evidence).paired:
        common = "; as some run collapsed, or by one spread for all arms where that finds less"
        return "Welch's t" + (common if any_collapsed(evidence) else "")
    welch = [s.arm.label for s in tested if s.comparison is not None and s.comparison.test == "welch"]
    fallen = f"; Welch's t for {', '.join(welch)}, planned on other seeds" if welch else ""
    return f"paired t over shared seeds{fallen}"


def _bold_rule(evidence: Evidence, summaries: list[Summary]) -> str:
    if any(summary.best for summary in summaries):
        return (
            "Bold: could be the best. An arm is not bold where it is shown to lie below another one (by its p, or over all pairs), and "
            "so is every arm with a lower mean."
        )
    few = [
        s.arm.label
        for s in summaries
        if s.arm.competes and (AVERAGE not in s.columns or s.columns[AVERAGE].n < FEWEST_RUNS)
    ]
    if not few:
        return "Nothing is bold, as there are not two arms."
    return f"Nothing is bold: it takes {FEWEST_RUNS} scored runs of every arm, which {', '.join(few[:3])} lack{'s' if len(few) == 1 else ''}."
