"""Makes a figure of curves: its quantities by rollout, their names, and their origin."""

from __future__ import annotations

import functools
from collections.abc import Callable

from analysis.evidence.curve_rows import Curve
from analysis.evidence.evidence import Evidence
from analysis.evidence.result_traces import counted_runs
from analysis.figures.curves.chart import curve_chart
from analysis.figures.curves.chosen import banded, left_out
from analysis.figures.curves.panels import FEWEST_FOR_BAND, shows_runs
from analysis.figures.curves.printed import draw
from analysis.figures.figure import Figure
from analysis.logs.manifest import Arm
from analysis.logs.trace import Trace, metric, trace

OVER_UPDATES = "mean over each rollout's updates, then over runs"


def curve_figure(
    name: str,
    *,
    rows: Callable[[Evidence], list[Curve]],
    row_height: float,
    caption: Callable[[Evidence], str],
    origin: Callable[[Evidence], Trace],
    notes: Callable[[Evidence], tuple[str, ...]] = lambda _: (),
) -> Figure[Evidence, list[Curve]]:
    """Return a figure of curves, each `row_height` inches high if it has small panels in print.

    `caption` returns what the curves are, `notes` what is special about them.
    """
    made = functools.lru_cache(maxsize=2)(rows)  # captions and notes need them again
    return Figure(
        name=name,
        data=made,
        draw=lambda evidence, curves: draw(evidence, curves, row_height),
        chart=lambda evidence, curves: curve_chart(evidence, name, curves),
        caption=lambda evidence: f"{caption(evidence)}: mean over runs{_bands(evidence, made(evidence))}",
        notes=lambda evidence: (
            *_how(evidence, made(evidence)),
            *notes(evidence),
            *left_out(evidence, made(evidence)),
        ),
        trace=origin,
    )


def _bands(evidence: Evidence, curves: list[Curve]) -> str:
    drawn = any(banded(evidence, curve) for curve in curves)
    without = all(map(functools.partial(shows_runs, evidence), _trained(evidence)))
    return " with 95 % bands" if drawn and not without else ""


def _trained(evidence: Evidence) -> list[Arm]:
    return [arm for arm in evidence.study.with_role("arm", "no_clip") if evidence.counted(arm)]


def _how(evidence: Evidence, curves: list[Curve]) -> tuple[str, ...]:
    """Return what lines and bands are."""
    said = ["Solid black is the reference of the other arms."]
    if _bands(evidence, curves):
        said.append(
            "Bands are pointwise 95 % t intervals of the mean over seeds, cut at the axis; mean and band end where the first run of "
            "the arm ends."
        )
    if any(map(functools.partial(shows_runs, evidence), _trained(evidence))):
        said.append(
            f"Thin lines are runs of arms with fewer than {FEWEST_FOR_BAND} runs, which have no band."
        )
    return tuple(said)


def metrics_origin(formula: str, *keys: str) -> Callable[[Evidence], Trace]:
    """Return a function that returns the trace of curves of logged metrics."""

    def origin(evidence: Evidence) -> Trace:
        runs = counted_runs(evidence, "arm", "no_clip")
        return trace(f"{formula}; bands are 95 % t intervals over runs", map(metric, keys), runs)

    return origin
