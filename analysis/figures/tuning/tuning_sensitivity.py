"""How much each option matters: the fitted score along it, the others at the chosen point."""

from __future__ import annotations

from matplotlib.figure import Figure as Printed

from analysis.evidence.evidence import Evidence
from analysis.evidence.tuning import TunedArm, tuning_of
from analysis.figures.figure import Figure
from analysis.figures.labels import LINE, Entry, legend_height, shared_legend, wrapped
from analysis.figures.model import Axis, Chart
from analysis.figures.style import TEXT, grid, looks
from analysis.figures.tuning.family import foot, groups, heading, origin, series_of
from analysis.figures.tuning.option_panels import OptionCurves, ends_of, numbers_of, panel_of, print_panel
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
    """Draw one panel per option and group of arms, all on one axis of scores: a flat curve is an option that hardly matters."""
    panels = panels_of(evidence, found)
    columns = min(COLUMNS, len(panels)) if len(found) > COLUMNS or len(found) == 1 else len(found)
    rows, one = -(-len(panels) // columns), (TEXT - 0.6) / columns - 0.2
    labels = [wrapped(of.option.key, one) for _, of, _ in panels]
    more = LINE * max(label.count("\n") for label in labels)
    style, drawn = (
        looks(evidence.study),
        list(dict.fromkeys(arm.arm for _, _, arms in panels for arm in arms)),
    )
    entries: list[Entry] = [(arm.label, style[arm.name]) for arm in drawn]
    figure, axes = grid(
        columns, rows, (TEXT, 1.5), top=0.12, gap=BELOW + more + 0.08, below=BELOW + more + legend_height(entries, TEXT),
        share_x=False, share_y="all",
    )  # fmt: skip
    ends = ends_of(found)
    for ax, (_, of, arms), label in zip(axes.flat, panels, labels, strict=False):
        print_panel(ax, evidence, of, arms, ends)
        ax.set_xlabel(label, labelpad=2, fontsize=7.5)
    for ax in axes.flat[len(panels) :]:
        ax.set_visible(False)
    for ax in axes[:, 0]:
        ax.set_ylabel(f"{Y}{evidence.unit.mark}", fontsize=7.5)
    shared_legend(figure, entries)
    return figure


def _of_part(name: str, part: int, parts: int) -> str:
    """Return the name of the axis of a group of arms, which has a row of its own on the page."""
    return f"{name}, {heading(part, parts)}" if parts > 1 else name


def panels_of(
    evidence: Evidence, found: list[OptionCurves]
) -> list[tuple[int, OptionCurves, list[TunedArm]]]:
    """Return each panel's group, option and arms: a group of arms after the other, and within it the options that it has."""
    everyone = list(dict.fromkeys(one.arm.name for of in found for one, _ in of.arms))
    arms = {one.arm.name: one for of in found for one, _ in of.arms}
    parts = groups(evidence, [arms[name] for name in everyone])
    return [
        (place, of, own)
        for place, part in enumerate(parts)
        for of in found
        if (own := [one for one in part if of.has(one)])
    ]


def chart(evidence: Evidence, found: list[OptionCurves]) -> Chart:
    """Return the same panels as a chart, with one table per option."""
    everyone, (low, high) = series_of(evidence), ends_of(found)
    name, shown = f"{Y}{evidence.unit.mark}", panels_of(evidence, found)
    parts = list(dict.fromkeys(part for part, _, _ in shown))
    panels = [
        panel_of(
            of,
            arms,
            everyone,
            Axis(label=_of_part(name, part, len(parts)), low=low, high=high),
            found.index(of),
        )
        for part, of, arms in shown
    ]
    tables = [numbers_of(of, everyone, name) for of in found]
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
        "Bands are pointwise. A curve is one line through the space: options that act together "
        "may matter more than any of theirs shows.",
        *foot(evidence),
    )


FIGURE = Figure(
    name="tuning_sensitivity", data=curves, draw=draw, chart=chart, caption=caption, notes=notes, trace=origin
)
