"""What makes a figure of curves: its quantities by rollout, what they are called, and what they are read from."""

from __future__ import annotations

from collections.abc import Callable

from analysis.evidence.curve_rows import Curve
from analysis.evidence.evidence import Evidence
from analysis.evidence.result_traces import counted_runs
from analysis.figures.curves.chart import curve_chart
from analysis.figures.curves.panels import FEWEST_FOR_BAND
from analysis.figures.curves.printed import draw, thinned
from analysis.figures.figure import Figure
from analysis.logs.trace import Trace, metric, trace

BAND = (
    "Thin lines are runs, thick lines their mean, bands its pointwise 95 % t interval over seeds, cut at the axis (none "
    f"below {FEWEST_FOR_BAND} runs), mean and band ending where the first run of the arm ends"
)
OVER_UPDATES = "mean over each rollout's updates, then over runs"


def curve_figure(
    name: str,
    *,
    rows: Callable[[Evidence], list[Curve]],
    row_height: float,
    caption: Callable[[Evidence], str],
    origin: Callable[[Evidence], Trace],
) -> Figure[Evidence, list[Curve]]:
    """A figure with a row of panels per curve, each `row_height` inches high in print; `caption` says what the curves are."""
    return Figure(
        name=name,
        data=rows,
        draw=lambda evidence, curves: draw(evidence, curves, row_height),
        chart=lambda evidence, curves: curve_chart(evidence, name, curves),
        caption=lambda evidence: _with_band(caption(evidence), evidence),
        trace=origin,
    )


def _with_band(caption: str, evidence: Evidence) -> str:
    """A caption of curves: what lines and bands are, and who is in black."""
    who = "the baseline is in every panel"
    if evidence.study.several_references():
        who = "the arm that a panel's arms are tested against is in it"
    left_out = thinned(evidence)
    return f"{caption}. {BAND}; {who}, in black" + (f"; {left_out}" if left_out else "")


def metrics_origin(formula: str, *keys: str) -> Callable[[Evidence], Trace]:
    """Where curves of logged metrics come from."""

    def origin(evidence: Evidence) -> Trace:
        runs = counted_runs(evidence, "arm", "no_clip")
        return trace(f"{formula}; bands are 95 % t intervals over runs", map(metric, keys), runs)

    return origin
