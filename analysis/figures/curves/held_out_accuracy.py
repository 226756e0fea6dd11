"""Held-out accuracy while training."""

from __future__ import annotations

from analysis.evidence.curve_rows import Curve
from analysis.evidence.evidence import Evidence
from analysis.evidence.held_out import base_line, base_samples, curve_answers, held_out
from analysis.evidence.result_traces import counted_runs
from analysis.figures.curves.family import curve_figure
from analysis.logs.trace import Trace, answers, joined, trace
from analysis.text.rounding import rounded

BASE = "untrained base"
MOST_NAMED = 3
"""Imported metrics that a caption names."""


def rows(evidence: Evidence) -> list[Curve]:
    """Return held-out accuracy while training, with the untrained base on the same questions as a line; from
    imported logs, the primary metrics.
    """
    if evidence.study.imported:
        label = (
            ", ".join(evidence.sets) if len(evidence.sets) == 1 else f"mean of {len(evidence.sets)} metrics"
        )
        return [
            Curve(
                f"{label}{evidence.unit.mark}", held_out(evidence), scale=evidence.unit.factor, of_scores=True
            )
        ]
    return [Curve("held-out accuracy %", held_out(evidence), reference=base_line(evidence), named=BASE)]


def caption(evidence: Evidence) -> str:
    """Return which questions each point covers, and how many samples."""
    rows = curve_answers(evidence)
    if evidence.study.imported:
        kind = "Mean over answers to" if evidence.by_question else "Logged values of"
        return f"{kind} {_listed(evidence.sets)}"
    if rows.empty:
        return "Held-out accuracy at T = 1"
    asked = rows[["set", "question"]].drop_duplicates().groupby("set", observed=True).size()
    questions = f"{asked.min()}" if asked.min() == asked.max() else f"{asked.min()} to {asked.max()}"
    samples = rows["sample"].nunique()
    return (
        f"Held-out accuracy at T = 1 over {len(asked)} sets of {questions} questions with {samples} "
        f"sample{'s' if samples > 1 else ''} each"
    )


def _listed(sets: tuple[str, ...]) -> str:
    return ", ".join(sets) if len(sets) <= MOST_NAMED else f"{len(sets)} metrics"


def notes(evidence: Evidence) -> tuple[str, ...]:
    """Return what points have in common, and why curves may start off the line of the base."""
    rows = curve_answers(evidence)
    if evidence.study.imported or rows.empty:
        return ()
    said = ["Every point of every run uses the same questions."]
    begun = bool((rows["rollout"] < 0).any())
    if begun:
        said.append("Rollout 0 is before training.")
    level = base_line(evidence)
    if level is not None:
        said.append(f"The dashed line is the untrained base on these questions, {_percent(level)}.")
        first = held_out(evidence).loc[-1].mean() if begun else level
        few, many = rows["sample"].nunique(), base_samples(evidence)
        if begun and few < many:
            said.append(
                f"Runs start at {_percent(float(first))} with {few} sample{'s' if few > 1 else ''} per question; the line is "
                f"over {many}. It is the same model: the gap is sampling noise."
            )
    return tuple(said)


def _percent(share: float) -> str:
    return f"{rounded(100 * share, '.1f')} %"


def origin(evidence: Evidence) -> Trace:
    """Return the trace of the curves, and of the line of the untrained base if it answered their questions."""
    while_training = not curve_answers(evidence)["final"].any()
    drawn = counted_runs(evidence, "arm", "no_clip")
    if evidence.logged:
        stream = answers(evidence.study.mode, evidence.study.temperature, final=not while_training)
        return trace(
            "mean over primary metrics by logged step: mean over runs, 95 % t interval", [stream], drawn
        )
    curves = trace("", [answers("sampled", 1.0, final=not while_training)], drawn)
    base = counted_runs(evidence, "base") if base_line(evidence) is not None else []
    formula = (
        "mean over sets of the share of correct answers at T = 1, by rollout: mean over runs, 95 % t interval"
    )
    return joined(formula, curves, trace("", [answers("sampled", 1.0)], base))


FIGURE = curve_figure(
    "held_out_accuracy", rows=rows, row_height=1.5, caption=caption, notes=notes, origin=origin
)
