"""Arms that are matched on clipping, and whether their realized clip fraction stayed near the target."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

from analysis.evidence.evidence import Evidence
from analysis.evidence.measures import CLIP_MATCHED, run_means
from analysis.logs.manifest import Arm
from analysis.logs.trace import Trace, metric, trace
from analysis.text.rounding import rounded
from analysis.text.table import Cell
from sspo.config.choices import INTEGRAL
from sspo.metrics.held import FEWEST_TIMES, MOST_TIMES, is_held, is_near


@dataclass(frozen=True)
class Matching:
    """The target clip fraction of an arm and the realized one, a mean over its counted runs."""

    arm: Arm
    target: float
    realized: float | None
    """None if no run logged a matched update."""

    @property
    def holds(self) -> bool:
        """Return whether the arm is known to have clipped near its target: under control 'integral' also within a point of
        it. Arms from before that control are not judged by the point.
        """
        if self.realized is None:
            return False
        return (is_held if self.integral else is_near)(self.realized, self.target)

    @property
    def integral(self) -> bool:
        """Return whether the arm's controller pays back its errors, so that its mean has to be the target."""
        return f"objective.bounds.target_control={INTEGRAL}" in self.arm.overrides

    @property
    def unmatched(self) -> bool:
        """Return whether the arm is known to have clipped away from its target."""
        return self.realized is not None and not self.holds

    @property
    def numbers(self) -> str:
        """Return the arm with both numbers, in percent."""
        had = (
            "no matched update"
            if self.realized is None
            else f"realized {rounded(100 * self.realized, '.2f')} %"
        )
        return f"{self.arm.label} (target {rounded(100 * self.target, '.2f')} %, {had})"


@functools.lru_cache(maxsize=8)
def matchings(evidence: Evidence) -> list[Matching]:
    """Return one Matching per arm with a target, in the manifest's order."""
    if all(arm.target_clip_frac is None for arm in evidence.study.arms):
        return []
    rates = run_means(evidence, CLIP_MATCHED)
    found = []
    for arm in evidence.study.arms:
        if arm.target_clip_frac is None:
            continue
        own = [float(rates[run]) for run in evidence.counted(arm) if run in rates.index]
        found.append(Matching(arm, arm.target_clip_frac, sum(own) / len(own) if own else None))
    return found


def label_cell(evidence: Evidence, arm: Arm) -> Cell:
    """Return the first cell of an arm's row, marked if its clip fraction left the target."""
    data = {"arm": arm.name, "label": arm.label}
    found = next((m for m in matchings(evidence) if m.arm.name == arm.name), None)
    if found is None:
        return Cell(arm.label, data)
    source = _trace(evidence, arm)
    realized = None if found.realized is None else 100 * found.realized
    numbers = {"target_clip": 100 * found.target, "realised_clip": realized}
    label = f"{arm.label} (unmatched)" if found.unmatched else arm.label
    return Cell(label, {**data, **numbers}, trace=source)


def _trace(evidence: Evidence, arm: Arm) -> Trace:
    rates, runs = run_means(evidence, CLIP_MATCHED), evidence.counted(arm)
    known = {run: float(rates[run]) for run in runs if run in rates.index}
    formula = (
        f"mean over runs of {CLIP_MATCHED.key} from the second update of the last half of rollouts, in %"
    )
    return trace(formula, [metric(CLIP_MATCHED.key)], runs, known, 100)


def matching_note(evidence: Evidence) -> list[str]:
    """Return sentences for captions; none if no arm has a target."""
    found = matchings(evidence)
    if not found:
        return []
    sentences = [
        f"{len(found)} arm{'s are' if len(found) > 1 else ' is'} matched to a clip fraction that a controller holds: such arms do not test "
        "claims on how much a ratio clips or collapses at its usual bounds."
    ]
    left = [m.numbers for m in found if m.unmatched]
    if left:
        sentences.append(f"Unmatched, outside {required(found)}: {'; '.join(left)}.")
    return sentences


def required(found: Sequence[Matching]) -> str:
    """Return the realized fractions that count as a target."""
    times = f"{FEWEST_TIMES} to {MOST_TIMES} times the target"
    if not any(m.integral for m in found):
        return times
    return f"{times} and, under control '{INTEGRAL}', one percentage point around it"
