"""The figures of a report: what is drawn, under which caption, in which files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from analysis.checks.flags import flags
from analysis.evidence import curve_rows
from analysis.evidence.evidence import Evidence
from analysis.evidence.held_out import held_out_caption
from analysis.evidence.replay import Replay
from analysis.figures import comparisons, curves, factors, paired
from analysis.figures import replay as replay_figures
from analysis.figures.background import begin
from analysis.figures.style import RC, save
from analysis.tables import captions, replay_captions


@dataclass(frozen=True)
class Drawn:
    """A figure that was written as name.pdf and name.png."""

    name: str
    caption: str


BAND = (
    "Thin lines are runs, thick lines their mean, bands its pointwise 95 % t interval over seeds, cut at the axis (none "
    f"below {curves.FEWEST_FOR_BAND} runs), mean and band ending where the first run of the arm ends"
)


def _with_band(caption: str, evidence: Evidence) -> str:
    """A caption of curves: what lines and bands are, and who is in black."""
    who = "the baseline is in every panel"
    if evidence.study.several_references():
        who = "the arm that a panel's arms are tested against is in it"
    left_out = curves.thinned(evidence)
    return f"{caption}. {BAND}; {who}, in black" + (f"; {left_out}" if left_out else "")


KINDS = ("pdf", "png")
FIGURES: tuple[tuple[str, Callable[[Evidence], Figure | None], str | Callable[[Evidence], str]], ...] = (
    (
        "difference_to_baseline",
        comparisons.difference_to_baseline,
        lambda evidence: (
            f"Difference of the final average to {evidence.study.yardstick()} with unadjusted 95 % intervals, and "
            "Holm-adjusted p; an arrow is an arm or an interval's end off the axis"
        ),
    ),
    (
        "paired_by_seed",
        paired.paired_by_seed,
        lambda evidence: (
            f"Seed by seed from {evidence.study.yardstick()} (left end) to the arm (right end): blue lines rise, dashed orange "
            "ones fall, black is the mean, and its change stands below"
        ),
    ),
    (
        "factor_effects",
        factors.factor_effects,
        "Final average by level of every factor, over all levels of the others: thin lines are seeds, black their mean with "
        "95 % t intervals",
    ),
    (
        "heat_map",
        factors.heat_map,
        "Mean final average at the crossings of the last two factors, a panel a level of the others, and how many runs collapsed",
    ),
    (
        "held_out_accuracy",
        curves.figure_of("held_out_accuracy"),
        lambda evidence: _with_band(held_out_caption(evidence), evidence),
    ),
    (
        "training_reward_accuracy",
        curves.figure_of("training_reward_accuracy"),
        lambda evidence: _with_band("Mean reward and accuracy of sampled training responses", evidence),
    ),
    (
        "clip_fraction",
        curves.figure_of("clip_fraction"),
        lambda evidence: _with_band(curve_rows.clip_caption(evidence), evidence),
    ),
    (
        "entropy",
        curves.figure_of("entropy"),
        lambda evidence: _with_band("Token entropy of the sampling policy", evidence),
    ),
    (
        "ratio_spread",
        curves.figure_of("ratio_spread"),
        lambda evidence: _with_band(
            "Standard deviation over tokens of the importance ratio that the loss used, and of the tokens' own log-ratios, mean "
            "over a rollout's updates; the axes are linear below .01 %",
            evidence,
        ),
    ),
    (
        "ratio_quantiles",
        curves.figure_of("ratio_quantiles"),
        lambda evidence: _with_band(
            "99th percentile, median and 1st percentile over tokens of the importance ratio that the loss used, mean over a rollout's updates",
            evidence,
        ),
    ),
    (
        "length",
        curves.figure_of("length"),
        lambda evidence: _with_band("Length of the sampled training responses", evidence),
    ),
    (
        "clip_against_accuracy",
        comparisons.clip_against_accuracy,
        "Clipped share of active tokens against the final average: a small mark a run, a large one the arm's mean; "
        "the axis is linear below .01 %",
    ),
)


REPLAY_FIGURES: tuple[tuple[str, Callable[[Replay], Figure | None], Callable[[Replay], str]], ...] = (
    ("replay_clip_fraction", replay_figures.clip_fraction, replay_captions.clip_fraction),
    ("replay_trade_off", replay_figures.trade_off, replay_captions.trade_off),
    ("replay_clip_by_update", replay_figures.clip_by_update, replay_captions.clip_by_update),
)


def begin_figures(evidence: Evidence, folder: Path) -> Callable[[], list[Drawn]]:
    """Begin to draw and write every figure there is data for, curves in a second process; returns what ends it.

    Files of figures without data, left by an earlier report, are removed.
    """
    heavy = [name for name, make, _ in FIGURES if make.__module__ == curves.__name__]
    light = [name for name, _, _ in FIGURES if name not in heavy]
    finish = begin(lambda: _draw(evidence, folder, heavy))

    def end() -> list[Drawn]:
        drawn = {figure.name: figure for figure in (*_draw(evidence, folder, light), *finish())}
        return [drawn[name] for name, _, _ in FIGURES if name in drawn]

    return end


def _draw(evidence: Evidence, folder: Path, names: Collection[str]) -> list[Drawn]:
    told = (captions.warnings(evidence)[0], *flags(evidence))
    said = captions.conditional(evidence)
    conditional = f" {said[0].upper()}{said[1:]}." if said else ""
    note = f"{captions.run_counts(evidence, evidence.primary)}{conditional} {' '.join(told)}"
    drawn = []
    with matplotlib.rc_context(RC):
        for name, make, caption in FIGURES:
            if name in names and _write(make(evidence), folder, name):
                text = caption if isinstance(caption, str) else caption(evidence)
                drawn.append(Drawn(name, f"{text}. {note}"))
    return drawn


def draw_replay(replay: Replay | None, folder: Path, notes: Iterable[str] = ()) -> list[Drawn]:
    """The same for the figures of a replay, none where there is none; `notes` end every caption."""
    drawn = []
    with matplotlib.rc_context(RC):
        for name, make, caption in REPLAY_FIGURES:
            if _write(make(replay) if replay else None, folder, name) and replay:
                drawn.append(Drawn(name, " ".join([caption(replay), *notes])))
    return drawn


def _write(figure: Figure | None, folder: Path, name: str) -> bool:
    """Write the figure's files, or remove them where there is no figure."""
    if figure is None:
        for kind in KINDS:
            (folder / f"{name}.{kind}").unlink(missing_ok=True)
        return False
    save(figure, folder, name)
    return True
