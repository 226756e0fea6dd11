"""Collapse as a predefined yes or no: counted with exact intervals, never averaged over survivors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from analysis.evidence.evidence import Evidence
from analysis.evidence.result_traces import primary_traces
from analysis.inference.collapses import collapses
from analysis.logs.manifest import Arm
from analysis.logs.run_files import DIVERGED
from analysis.logs.trace import RECORD, Trace, trace
from analysis.statistics import clopper_pearson
from analysis.tables.results import GROUPS
from analysis.text.numbers import p_text
from analysis.text.rounding import rounded
from analysis.text.table import Cell, Row, Table


def stability_table(evidence: Evidence) -> Table | None:
    """Return diverged and collapsed runs per arm; collapsed: diverged, or below the untrained base on the
    primary metric.
    """
    found = collapses(evidence)
    if found is None:
        return None
    arms, counts, floor = found.arms, found.counts, found.floor
    traces = _traces(evidence, arms, found.tested)
    rows = [
        _row(evidence, arm, counts[arm.name], found.p_holm.get(arm.name), traces[arm.name]) for arm in arms
    ]
    below = (
        ""
        if floor is None
        else f" or scored below the untrained base at the end ({evidence.unit.text(floor)}{evidence.unit.points})"
    )
    caption = (f"Runs that collapsed: they diverged{below}.",)
    columns = ("arm", "diverged", "collapsed", "share %", "p (Holm)")
    adjusted_over = f", adjusted by Holm for {len(found.tested)} tests" if len(found.tested) > 1 else ""
    meanings = {
        "diverged": "Runs whose numbers stopped being finite, of those that ended.",
        "collapsed": "Diverged runs and those below the base, of those that ended.",
        "share %": "Collapsed runs, with an exact (Clopper-Pearson) interval.",
        "p (Holm)": f"Fisher's exact test against {evidence.study.yardstick()}{adjusted_over}, as a family of its own.",
    }
    base = primary_traces(evidence).of(evidence.study.with_role("base"), "score of the untrained base")
    notes = ("The base has no score, so only divergence counts.",) if floor is None else ()
    return Table(
        "stability",
        caption,
        columns,
        tuple(rows),
        caption_trace=base,
        notes=notes,
        meanings=meanings,
        qualifiers={"share %": "95 % CI"},
    )


def _traces(
    evidence: Evidence, arms: Sequence[Arm], tested: Sequence[Arm]
) -> dict[str, tuple[Trace, Trace, Trace]]:
    """Return, by arm, the traces of its diverged runs, of its collapsed ones and of its p."""
    found, primary = {}, primary_traces(evidence)
    for arm in arms:
        runs = evidence.counted(arm)
        diverged = {run: float(evidence.runs.at[run, "status"] == DIVERGED) for run in runs}
        collapse = primary.below(arm, "runs that diverged or scored below the base, of those that ended")
        reference = evidence.study.reference_of(arm)
        pair = primary.of([arm, *([reference] if reference else [])], "Fisher's exact test on collapsed runs")
        everyone = primary.of([*tested, *evidence.study.with_role("base")], "").reads
        p = replace(pair, decides=everyone, rule="the base's level, and Holm's adjustment over every arm")
        found[arm.name] = (
            trace("runs that diverged (1) of those that ended", [RECORD], runs, diverged),
            collapse,
            p,
        )
    return found


def _row(
    evidence: Evidence,
    arm: Arm,
    count: tuple[int, int],
    p_holm: float | None,
    traces: tuple[Trace, Trace, Trace],
) -> Row:
    share = clopper_pearson(*count)
    low, high = 100 * (share.low or 0.0), 100 * (share.high or 0.0)
    diverged = sum(evidence.runs.at[r, "status"] == DIVERGED for r in evidence.counted(arm))
    return Row(
        GROUPS[arm.role],
        (
            Cell(arm.label, {"arm": arm.name, "label": arm.label}),
            Cell(f"{diverged}/{count[1]}", {"diverged": int(diverged), "n": count[1]}, trace=traces[0]),
            Cell(f"{count[0]}/{count[1]}", {"collapsed": count[0]}, trace=traces[1]),
            Cell(
                f"{rounded(100 * share.point, '.0f')} [{rounded(low, '.0f')}, {rounded(high, '.0f')}]",
                {"share": 100 * share.point, "share_low": low, "share_high": high},
                trace=traces[1],
            ),
            Cell(p_text(p_holm), {"p_holm": p_holm}, trace=traces[2] if p_holm is not None else None),
        ),
    )
