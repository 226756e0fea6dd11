"""Seed by seed: what became of each seed's score when the arm that it is tested against was replaced by the arm."""

from __future__ import annotations

import math

from matplotlib.figure import Figure

from analysis.evidence.evidence import Evidence
from analysis.figures.style import MUTED, TEXT, looks
from analysis.logs.manifest import Arm
from analysis.text.escape import plot

COLUMNS = 5
LABEL_CHARACTERS = 22
FALL, RISE = "#D55E00", "#0072B2"
Scores = dict[int, tuple[float, float]]
"""(reference's score, arm's score) of every seed that both have."""


def paired_by_seed(evidence: Evidence) -> Figure | None:
    """A small panel an arm: a line a shared seed from the reference's score (left) to the arm's (right)."""
    shown = paired_arms(evidence)
    if not shown:
        return None
    columns = min(COLUMNS, len(shown))
    rows = math.ceil(len(shown) / columns)
    height = 1.12 * rows + 0.3
    figure = Figure(figsize=(TEXT * max(columns, 2) / COLUMNS, height))
    axes = figure.subplots(rows, columns, sharey=True, squeeze=False)
    figure.subplots_adjust(
        left=0.5 / figure.get_figwidth(),
        right=0.99,
        top=1 - 0.24 / height,
        bottom=0.2 / height,
        wspace=0.12,
        hspace=0.5,
    )
    style, unit = looks(evidence.study), evidence.unit
    for ax, (arm, _, of_seed) in zip(axes.flat, shown, strict=False):
        lines = list(of_seed.values())
        for before, after in lines:
            ax.plot(
                [0, 1],
                [unit.factor * before, unit.factor * after],
                color=RISE if after >= before else FALL,
                linestyle="-" if after >= before else (0, (3, 1.5)),
                linewidth=0.8,
            )
        means = [unit.factor * sum(side) / len(lines) for side in zip(*lines, strict=True)]
        ax.plot([0, 1], means, color="#000000", linewidth=1.6, marker=style[arm.name].marker, markersize=3)
        ax.set_xlim(-0.12, 1.12)
        ax.set_xticks([])
        ax.set_title(plot(arm.label, LABEL_CHARACTERS), fontsize=6.5, pad=3)
        ax.set_xlabel(unit.signed((means[1] - means[0]) / unit.factor), fontsize=6.5, labelpad=2, color=MUTED)
        ax.grid(axis="x", visible=False)
    for ax in axes.flat[len(shown) :]:
        ax.set_visible(False)
    for row in axes:
        row[0].set_ylabel(f"final average{unit.mark}", fontsize=6.5)
    return figure


def paired_arms(evidence: Evidence) -> list[tuple[Arm, Arm, Scores]]:
    """Every arm that shares a seed with its reference, the reference, and both scores by seed. The arm that does not clip
    is left out: its fall would flatten the others."""
    study = evidence.study
    pairs = [(arm, study.reference_of(arm)) for arm in study.with_role("arm")]
    found = [(arm, other, _shared(evidence, arm, other)) for arm, other in pairs if other is not None]
    return [(arm, other, scores) for arm, other, scores in found if scores]


def _shared(evidence: Evidence, arm: Arm, reference: Arm) -> Scores:
    before, after = (evidence.of_arm(evidence.primary, side) for side in (reference, arm))
    return {seed: (before[seed], after[seed]) for seed in sorted(before.keys() & after.keys())}
