"""The results tables: the average of every arm with its difference to the reference, and scores set by set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from analysis.checks.matching import label_cell
from analysis.claims.asked import asked
from analysis.evidence.evidence import AVERAGE, GREEDY, Evidence
from analysis.evidence.published import REPORTED, source
from analysis.evidence.result_traces import ResultTraces
from analysis.evidence.tuning import tuning_of
from analysis.inference.above_base import above_base
from analysis.inference.findings import NORMALITY, SIGNS, Summary, summarise
from analysis.inference.rule import rule_of
from analysis.logs.manifest import ENDED_EARLY, Arm
from analysis.logs.run_folders import LOST
from analysis.registration.standing import REGISTERED
from analysis.statistics.families import FEWEST_RUNS
from analysis.tables import captions
from analysis.text.numbers import between, numbers, p_text, score
from analysis.text.rounding import rounded
from analysis.text.table import EMPTY, Cell, Row, Table

NOTHING = Cell(EMPTY)
REFERENCE, DIFFERENCE, P, MISSING = "reference", "difference", "p (Holm)", "missing"
INTERVAL, ADJUSTED = "± 95 % CI", "adjusted CI"
"""Header texts: the meaning of ±, and of brackets if intervals agree with adjusted p."""
BELOW_BASE = " †"
"""Follows the average of an arm that is not shown to beat the untrained base."""
RESTS = {NORMALITY: " n", SIGNS: " s"}
"""Follows a p: what a finding depends on."""
GROUPS = {"base": "base", "arm": "arm", "no_clip": "arm", "aa": "a/a"}


def primary_results(evidence: Evidence) -> Table | None:
    """Return scores under the study's primary metric, averaged over sets."""
    return results_table(evidence, "results", evidence.study.mode, evidence.study.temperature)


def greedy_results(evidence: Evidence) -> Table | None:
    """Return scores of greedy answers; None if they are the primary metric."""
    if (evidence.study.mode, evidence.study.temperature) == GREEDY:
        return None
    return results_table(evidence, "results_greedy", *GREEDY)


def results_by_set(evidence: Evidence) -> Table | None:
    """Return scores under the primary metric set by set; None with a single set, whose score is the average."""
    how = evidence.study.mode, evidence.study.temperature
    if len(evidence.sets) < 2 or evidence.scores(*how).empty:
        return None
    traces = ResultTraces(evidence, *how)
    rows = [
        Row(GROUPS[s.arm.role], (label_cell(evidence, s.arm), *_by_set(evidence, s, traces)))
        for s in _in_order(summarise(evidence, *how))
    ]
    return Table(
        "results_by_set",
        (
            f"{_metric(evidence, how)}{_in_points(evidence)} of every arm by evaluation set"
            f"{', ± half a 95 % CI' if _has_intervals(rows) else ''}.",
        ),
        ("arm", *evidence.sets),
        tuple(rows),
        title="Results by set",
        notes=("Nothing is tested here: sets are few and share their runs.",),
    )


def results_table(evidence: Evidence, name: str, mode: str, temperature: float) -> Table | None:
    """Return scores under one decoding and differences to the reference; None if no run was evaluated that
    way.
    """
    how = mode, temperature
    if evidence.scores(*how).empty:
        return None
    summaries, traces = summarise(evidence, *how), ResultTraces(evidence, *how)
    primary, several = name == "results", evidence.study.several_references()
    rows = [_row(evidence, s, summaries, traces, primary=primary) for s in _in_order(summaries)]
    reported = _reported(evidence, len(rows[0].cells)) if shows_reported(evidence) else ()
    difference = difference_column(evidence)
    columns = ("arm", AVERAGE, *([REFERENCE] if several else []), difference, P, "n", MISSING)
    columns += () if primary or len(evidence.sets) < 2 else evidence.sets
    return Table(
        name,
        _caption(evidence, how, primary),
        columns,
        (*rows, *reported),
        headings={"reference": f"Reported by {source(evidence.sets)}; not comparable, not in any statistic"},
        title="Results" if primary else "Greedy results",
        caption_trace=traces.whole("runs counted, and standard errors of one run's average"),
        notes=_notes(evidence, summaries, how, primary),
        meanings=_meanings(evidence, summaries, difference),
        qualifiers=_qualifiers(rows, difference, primary),
    )


def difference_column(evidence: Evidence) -> str:
    """Return the name of the column of differences: with the reference, if all arms share it."""
    first, *others = evidence.study.references()
    return DIFFERENCE if others else f"{DIFFERENCE} to {first.label}"


def shows_reported(evidence: Evidence) -> bool:
    """Return whether the paper's own numbers are shown below: only if the study, or the import, requests
    them.
    """
    return bool(asked(evidence.logs.manifest, "reference"))


def _in_order(summaries: list[Summary]) -> list[Summary]:
    """Put the untrained base first."""
    return sorted(summaries, key=lambda s: s.arm.role != "base")


def _has_intervals(rows: Sequence[Row], mark: str = " ± ") -> bool:
    return any(mark in cell.text for row in rows for cell in row.cells)


def with_intervals(rows: Sequence[Row]) -> str:
    """Return the caption's words for cells with intervals over runs."""
    there = any(mark in cell.text for row in rows for cell in row.cells[1:] for mark in (" ± ", " ["))
    return ", with 95 % CIs" if there else ""


def _qualifiers(rows: Sequence[Row], difference: str, primary: bool) -> dict[str, str]:
    of_difference = ADJUSTED if primary else "95 % CI"
    return {
        **({AVERAGE: INTERVAL} if _has_intervals(rows) else {}),
        **({difference: of_difference} if _has_intervals(rows, " [") else {}),
    }


def _below_base(evidence: Evidence, arm: Arm) -> bool:
    """Return whether the arm was tested against the untrained base and not shown to beat it."""
    found = above_base(evidence).get(arm.name)
    return found is not None and found.shown is False


def _row(
    evidence: Evidence, summary: Summary, family: list[Summary], traces: ResultTraces, *, primary: bool
) -> Row:
    arm = summary.arm
    difference, adjusted = _comparison(evidence, summary)
    of_test = traces.adjusted(arm, summary.comparison, [s.arm for s in family if s.adjusted is not None])
    reference = evidence.study.reference_of(arm)
    named = NOTHING if reference is None else Cell(reference.label, {REFERENCE: reference.name})
    sets = _by_set(evidence, summary, traces)
    average = _score(evidence, summary, AVERAGE, traces, marked=primary)
    if primary or len(sets) < 2:  # the data file still has the sets
        by_set = {key: value for cell in sets for key, value in cell.data.items()}
        average, sets = replace(average, data={**average.data, **by_set}), []
    cells = (
        label_cell(evidence, arm),
        average,
        *([named] if evidence.study.several_references() else []),
        replace(difference, trace=of_test),
        replace(adjusted, trace=of_test),
        *_counts(evidence, summary, traces),
        *sets,
    )
    return Row(GROUPS[arm.role], cells)


def _by_set(evidence: Evidence, summary: Summary, traces: ResultTraces) -> list[Cell]:
    return [_score(evidence, summary, name, traces) for name in evidence.sets]


def _score(
    evidence: Evidence, summary: Summary, column: str, traces: ResultTraces, *, marked: bool = False
) -> Cell:
    """Return the mean and half interval, or the values of few runs. `marked` adds † to an arm that is not
    shown to beat the base.
    """
    arm, unit = summary.arm, evidence.unit
    found = summary.columns.get(column)
    if found is not None and found.n < FEWEST_RUNS:
        found = replace(found, low=None, high=None)
    text = score(found, summary.values.get(column, ()), unit)
    if marked and _below_base(evidence, arm):
        text += BELOW_BASE
    bold = summary.best and column == AVERAGE
    return Cell(text, numbers(column, found, unit), bold, traces.score(arm, column))


def _counts(evidence: Evidence, summary: Summary, traces: ResultTraces) -> tuple[Cell, Cell]:
    """Return scored runs, with the number planned if some are missing, and the states of the others."""
    arm, scored = summary.arm, summary.columns.get(AVERAGE)
    planned, n = sum(len(same.seeds) for same in evidence.same_cell(arm)), scored.n if scored else 0
    states = evidence.runs.loc[evidence.runs["arm"] == arm.name, "status"].value_counts()
    lost = {s: int(states.get(s, 0)) for s in (*LOST, *((ENDED_EARLY,) if evidence.study.imported else ()))}
    named = ", ".join(f"{number} {state}" for state, number in lost.items() if number) or EMPTY
    count = Cell(str(n) if n == planned else f"{n} of {planned}", {"planned": planned, **lost})
    return replace(count, trace=traces.count(arm)), Cell(named, trace=traces.lost(arm))


def _comparison(evidence: Evidence, summary: Summary) -> tuple[Cell, Cell]:
    """Return the difference with the interval that agrees with p, and Holm's p with what it depends on."""
    c, unit, adjusted = summary.comparison, evidence.unit, summary.adjusted
    if c is None:
        return NOTHING, NOTHING
    shown = summary.shown_interval
    text = unit.signed(c.difference)
    if shown[0] is not None and shown[1] is not None:
        text += f" {between(shown[0], shown[1], unit, sign=True)}"
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
    """Return both tests, unadjusted, and how well seeds pair: for the data file."""
    found, unit = summary.compared, evidence.unit
    if found is None or rule_of(evidence).alpha is None:
        return {}
    data: dict[str, float | int | str | None] = {"seed_correlation": found.correlation}
    for name, c in (("welch", found.welch), ("paired", found.paired)):
        ends = (None, None) if c is None else (c.low, c.high)
        low, high = (None if v is None else unit.factor * v for v in ends)
        data |= {f"{name}_low": low, f"{name}_high": high, f"{name}_p": None if c is None else c.p}
    return data


def _reported(evidence: Evidence, width: int) -> tuple[Row, ...]:
    """Return the paper's own averages, in rows of `width` cells."""
    return tuple(
        Row(
            "reference",
            (
                Cell(r.label, {"arm": "", "label": f"{r.label} ({source(evidence.sets)})"}),
                Cell(rounded(r.average, ".1f"), {f"{AVERAGE}_mean": r.average}),
                *[NOTHING] * (width - 2),
            ),
        )
        for r in REPORTED
    )


def _metric(evidence: Evidence, how: tuple[str, float]) -> str:
    said = captions.decoding(evidence, *how)
    return said if said.startswith("avg@") else f"{said[:1].upper()}{said[1:]}"


def _in_points(evidence: Evidence) -> str:
    if evidence.unit.percent:
        return " (%)"
    return f" ({evidence.unit.mark.strip()})" if evidence.unit.mark else ""


def _caption(evidence: Evidence, how: tuple[str, float], primary: bool) -> tuple[str, ...]:
    """Return the caption; `how` is the table's decoding."""
    first, *others = evidence.study.references()
    to = "the arm that each is compared with" if others else first.label
    metric, several = f"{_metric(evidence, how)}{_in_points(evidence)}", len(evidence.sets) > 1
    over = ", averaged over evaluation sets," if several else ""
    kind = _kind(evidence) if primary else "A secondary metric."
    more = " To the right: scores by set." if several and not primary else ""
    return (f"{metric} of every arm{over} and its difference to {to}. {kind}{more}",)


def _notes(
    evidence: Evidence, summaries: list[Summary], how: tuple[str, float], primary: bool
) -> tuple[str, ...]:
    untested = UNFINISHED if rule_of(evidence).alpha is None else SECONDARY
    sizes = [len(s.values.get(AVERAGE, ())) for s in summaries if s.arm.role != "base"]
    few = any(0 < n < FEWEST_RUNS for n in sizes) and max(sizes) >= FEWEST_RUNS
    sentences = [
        *(
            captions.judged(evidence, summaries, below=any(_below_base(evidence, s.arm) for s in summaries))
            if primary
            else [untested]
        ),
        LUCK if primary and tuning_of(evidence) is not None else "",
        f"For an arm with fewer than {FEWEST_RUNS} runs, the table shows each run's value." if few else "",
        *captions.decoding_notes(evidence, *how),
        captions.evaluation_note(evidence, *how),
    ]
    return tuple(s for s in sentences if s)


LUCK = "Arms are compared at their chosen points. The luck of tuning is in no p and no interval: another tuning would choose other points."
SECONDARY = "Secondary: differences have unadjusted intervals, no p and no bold."
UNFINISHED = "Secondary: no p, no bold, and no intervals of differences until the study has finished."


def _meanings(evidence: Evidence, summaries: list[Summary], difference: str) -> dict[str, str]:
    tested = sum(s.adjusted is not None for s in summaries)
    over = f", adjusted by Holm for {tested} tests" if tested > 1 else ""
    return {
        difference: f"Mean of the arm minus mean of its reference, in {'points' if evidence.unit.percent else 'the unit of the score'}.",
        REFERENCE: "The arm that this one is compared with.",
        P: f"Probability that chance alone gives a difference at least as large{over}.",
        "n": "Scored runs. Runs of the A/A arm count toward the arm that it repeats."
        if any(len(evidence.same_cell(arm)) > 1 for arm in evidence.study.arms)
        else "Scored runs.",
        MISSING: "Planned runs that did not finish. A diverged one is scored at its last finite weights.",
    }


def _kind(evidence: Evidence) -> str:
    if evidence.study.imported:
        return "The primary metric, named by the import."
    if evidence.logs.manifest.get("amended_after_runs"):
        return "The primary metric; the spec's test, primary metric or gates were changed after runs had finished."
    if rule_of(evidence).standing.state == REGISTERED:
        return "The primary metric, registered before the runs."
    return "The primary metric, named by the study's spec."
