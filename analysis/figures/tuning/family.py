"""Shared parts of the figures of a tuning: arms and their styles, groups that share a panel, and the ends of the axis."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from analysis.evidence.evidence import Evidence
from analysis.evidence.tuning import TunedArm, Tuning, pilot_trace, tuning_of
from analysis.figures.model import Series
from analysis.figures.style import looks
from analysis.logs.trace import Trace
from analysis.tables.tuning.captions import EXPECTS, FIT, IGNORED, noise

Floats = NDArray[np.float64]
MOST_IN_PANEL = 4
"""The most arms per panel, not counting the baseline."""


def tuned(evidence: Evidence) -> Tuning:
    """Return the tuning of a study that has one."""
    found = tuning_of(evidence)
    assert found is not None, "a figure of a tuning is drawn of a tuned study"
    return found


def series_of(evidence: Evidence) -> dict[str, Series]:
    """Return the place and style of every arm with a point, the same in both figures."""
    style = looks(evidence.study)
    return {
        one.arm.name: Series(i, one.arm.label, style[one.arm.name])
        for i, one in enumerate(tuned(evidence).chosen)
    }


def groups(evidence: Evidence, arms: Sequence[TunedArm]) -> list[list[TunedArm]]:
    """Return the arms of each panel: all in one if they are few, else a few at a time, each beside the baseline."""
    reference = [one for one in arms if one.arm.name == evidence.study.baseline]
    others = [one for one in arms if one not in reference]
    parts = max(1, -(-len(others) // MOST_IN_PANEL))
    size = max(1, -(-len(others) // parts))
    return [[*reference, *others[part * size : (part + 1) * size]] for part in range(parts)]


def heading(place: int, parts: int) -> str:
    """Return the title of one of several panels of arms."""
    return f"arms, {place + 1} of {parts}" if parts > 1 else ""


def span(means: Iterable[Floats], lows: Iterable[Floats], highs: Iterable[Floats]) -> tuple[float, float]:
    """Return the ends of the axis, in percent, that hold means and bands: a band that is cut off would look narrower than it is."""
    mean, low, high = (np.concatenate([np.ravel(part) for part in parts]) for parts in (means, lows, highs))
    ends = (
        max(min(float(low.min()), float(mean.min())), 0.0),
        min(max(float(high.max()), float(mean.max())), 1.0),
    )
    margin = 0.05 * max(ends[1] - ends[0], 0.01)
    return 100 * (ends[0] - margin), 100 * (ends[1] + margin)


def foot(evidence: Evidence) -> tuple[str, ...]:
    """Return the last notes of both figures."""
    return EXPECTS, IGNORED, noise(tuned(evidence))


def origin(evidence: Evidence) -> Trace:
    """Return the trace of everything that was fitted."""
    return pilot_trace(evidence, tuned(evidence).chosen, f"per arm {FIT}")
