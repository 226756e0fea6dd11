"""How much each option matters: the fitted score along it, the others at the chosen point."""

from __future__ import annotations

from matplotlib.figure import Figure as Printed

from analysis.evidence.evidence import Evidence
from analysis.evidence.tuning import tuning_of
from analysis.figures.figure import Figure
from analysis.figures.labels import LINE, Entry, legend_height, shared_legend, wrapped
from analysis.figures.model import Chart
from analysis.figures.style import TEXT, grid, looks
from analysis.figures.tuning.family import foot, groups, heading, origin, series_of
from analysis.figures.tuning.option_panels import OptionCurves, numbers_of, panel_of, print_panel
from analysis.figures.tuning.printed import BELOW
from analysis.statistics.tuning.sensitivity import sensitivity
from analysis.tables.tuning.captions import PLATEAU

Y = "score of the fit"
COLUMNS = 3
"""Options side by side."""


def curves(evidence: Evidence) -> list[OptionCurves] | None:
    """Return the curves of each option, in the order of the space; None before any arm has its point."""
    tuning = tuning_of(evidence)
    if tuning is None or not tuning.chosen:
        return None
    found: dict[str, OptionCurves] = {}
    for one in tuning.chosen:
        assert one.surface is not None, "an arm with a point has a fit"
        assert one.chosen is not None, "an arm that is drawn has its point"
        options = {option.key: option for option in one.options}
        for curve in sensitivity(one.options, one.surface, one.chosen):
            of = found.setdefault(curve.key, OptionCurves(options[curve.key], []))
            of.arms.append((one, curve))
    return [found[key] for key in tuning.keys if key in found] or None


def draw(evidence: Evidence, found: list[OptionCurves]) -> Printed:
    """Draw one panel per option and group of arms."""
    style = looks(evidence.study)
    drawn = list(dict.fromkeys(one.arm for of in found for one, _ in of.arms))
    entries: list[Entry] = [(arm.label, style[arm.name]) for arm in drawn]
    panels = [(of, arms) for of in found for arms in groups(evidence, [one for one, _ in of.arms])]
    columns = min(COLUMNS, len(panels))
    rows, one = -(-len(panels) // columns), (TEXT - 0.6) / columns - 0.2
    labels = [wrapped(of.option.key, one) for of, _ in panels]
    lines = max(label.count("\n") + 1 for label in labels)
    figure, axes = grid(
        columns, rows, (TEXT, 1.5), top=0.12, gap=BELOW + LINE * (lines - 1) + 0.1,
        below=BELOW + LINE * (lines - 1) + legend_height(entries, TEXT), share_x=False, share_y="none",
    )  # fmt: skip
    figure.subplots_adjust(wspace=0.24)
    for ax, (of, arms), label in zip(axes.flat, panels, labels, strict=False):
        print_panel(ax, evidence, of, arms)
        ax.set_xlabel(label, labelpad=2, fontsize=7.5)
    for ax in axes.flat[len(panels) :]:
        ax.set_visible(False)
    for ax in axes[:, 0]:
        ax.set_ylabel(f"{Y}{evidence.unit.mark}", fontsize=7.5)
    shared_legend(figure, entries)
    return figure


def chart(evidence: Evidence, found: list[OptionCurves]) -> Chart:
    """Return the same panels as a chart, with one table per option."""
    everyone, panels = series_of(evidence), []
    label = f"{Y}{evidence.unit.mark}"
    for place, of in enumerate(found):
        parts = groups(evidence, [one for one, _ in of.arms])
        for part, arms in enumerate(parts):
            panels.append(panel_of(of, arms, everyone, heading(part, len(parts)), label, place))
    tables = [numbers_of(of, everyone, label) for of in found]
    drawn = {one.arm.name for of in found for one, _ in of.arms}
    series = [series for name, series in everyone.items() if name in drawn]
    return Chart(name=FIGURE.name, series=series, panels=panels, tables=tables)


def caption(_: Evidence) -> str:
    """Return what is drawn."""
    return (
        "Fitted score of each arm along each tuned option, the others at its chosen point: marks are chosen values, thick lines plateaus, "
        "bands 95 % intervals of the fit"
    )


def notes(evidence: Evidence) -> tuple[str, ...]:
    """Return what a plateau is, and what intervals leave out."""
    return (
        PLATEAU,
        "Bands are pointwise, and cut where they would flatten the curves. A curve is one line through the space: options that act together "
        "may matter more than any of theirs shows.",
        *foot(evidence),
    )


FIGURE = Figure(
    name="tuning_sensitivity", data=curves, draw=draw, chart=chart, caption=caption, notes=notes, trace=origin
)
