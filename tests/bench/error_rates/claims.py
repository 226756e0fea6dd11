"""Words for claims: how often a report holds a wrong one, and how often each word is said.

A report judges M claims on runs of their own, each over one or four comparisons. Letters: S studies, M claims, A arms, R runs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from analysis import statistics as ours
from analysis.statistics.contrasts import independent_rows
from analysis.statistics.judgment import MIXED, POOLED_SHARE
from analysis.statistics.words import DIRECTION, EQUIVALENT, INCONCLUSIVE, REFUTED, SUPPORTED
from tests.bench.error_rates import replica
from tests.bench.error_rates.rate import Rate
from tests.bench.error_rates.worlds import COLLAPSED_SPREAD, DROP, FALLEN, collapse, latent, skewed

ALPHA = 0.05
RUNS, CLAIMS = (4, 5, 8, 16), (1, 4, 7)
ARMS = 8
"""Of a study. A claim compares some of them; where a run of any collapsed, it takes the common spread of all."""
SPREADS = (1.0, 0.5, 2.0, 1.0, 3.0, 1.0, 0.5, 1.0)
COLLAPSES = (0.2, 0.0, 0.3, 0.1, 0.4, 0.2, 0.1, 0.2)
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Shape:
    """What a claim compares: rows of weights of arm means."""

    name: str
    weight_CA: tuple[tuple[float, ...], ...]

    @property
    def weights(self) -> Floats:
        """As an array."""
        return np.array(self.weight_CA)


def _own_references(comparisons: int) -> tuple[tuple[float, ...], ...]:
    return _padded(np.kron(np.eye(comparisons), [1.0, -1.0]))


def _one_reference(comparisons: int) -> tuple[tuple[float, ...], ...]:
    return _padded(np.hstack([np.full((comparisons, 1), -1.0), np.eye(comparisons)]))


def _padded(row_CA: Floats) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) + (0.0,) * (ARMS - len(row)) for row in row_CA.tolist())


ONE = Shape("one comparison", _own_references(1))
SHAPES = (
    ONE,
    Shape("four, each with its own reference", _own_references(4)),
    Shape("four against one reference", _one_reference(4)),
)
WORLDS = ("equal spreads", "unequal spreads", "skewed", "a fifth collapses", "some arms collapse more often")
TRUTHS: dict[str, tuple[float, ...]] = {
    "0": (0.0,),
    "the margin": (1.0,),
    "-the margin": (-1.0,),
    "0.95 margins": (0.95,),
    "1.05 margins": (1.05,),
    "2 margins": (2.0,),
    "0 and the margin in turn": (0.0, 1.0),
}
"""True effects of the claims, in turn, in margins. The margin is one standard deviation of a run."""
WORST = ("0", "the margin", "0 and the margin in turn")
"""Those that are looked at in worlds without normal scores of equal spread."""
PAIRED = ("equal spreads", "some arms collapse more often")


def truths(world: str) -> dict[str, tuple[float, ...]]:
    """Those that are simulated in a world."""
    return TRUTHS if world == WORLDS[0] else {name: TRUTHS[name] for name in WORST}


def cells() -> list[tuple[str, Shape, bool, int]]:
    """World, shape, whether within seeds, runs."""
    return [
        (world, shape, is_paired, runs)
        for world in WORLDS
        for shape in SHAPES
        for is_paired in ((False, True) if world in PAIRED else (False,))
        for runs in RUNS
    ]


def draw(world: str, rng: np.random.Generator, claims: int, runs: int, shared: bool) -> tuple[Floats, Flags]:
    """value_SAR of true mean 0, in standard deviations of the first arm's runs, and the claims with a collapsed run."""
    z = latent(rng, claims, ARMS, runs, shared)
    never = np.zeros(claims, dtype=bool)
    if world == "skewed":
        return skewed(z), never
    if world == "unequal spreads":
        return z * np.array(SPREADS)[:, None], never
    if "collapse" not in world:
        return z, never
    share = np.full(ARMS, 0.2) if world == "a fifth collapses" else np.array(COLLAPSES)
    value = collapse(z, latent(rng, claims, ARMS, runs, shared), share[:, None])
    fallen = (value - DROP * share[:, None] < FALLEN).any(axis=(1, 2))
    sd = math.sqrt(0.8 + 0.2 * COLLAPSED_SPREAD**2 + 0.16 * DROP**2)
    return value / sd, fallen


Tails = dict[float, Floats]
"""One-sided p of a true effect of at most the key, in margins."""
ABOVE = (-1.0, 0.0, 1.0)


@dataclass(frozen=True)
class Judged:
    """Everything about simulated claims that words hang on."""

    bases: tuple[replica.Found, ...]
    """The pooled effect under each rule for its spread; a word must hold under all of them."""
    parts: tuple[replica.Found, ...]
    """The same of the single comparisons, (S, C); none of one."""
    differ_p: Floats | None

    def tails(self, truth_S: Floats) -> tuple[list[Tails], list[Tails]]:
        """Of the pooled effect and of the comparisons, under each rule, where all effects are as given."""
        return (
            [_tails(found, truth_S) for found in self.bases],
            [_tails(found, truth_S[:, None]) for found in self.parts],
        )

    def words(self, tails: tuple[list[Tails], list[Tails]], alpha: float) -> NDArray[np.str_]:
        """The word of each claim with that true effect, margin 1."""
        level = alpha if self.differ_p is None else alpha * POOLED_SHARE
        said = _said(*_shown(tails[0], level))
        if self.differ_p is None:
            return said
        above, below = _shown(tails[1], (alpha - level) / tails[1][0][0.0].shape[1])
        shared = _said({bound: flags.all(axis=1) for bound, flags in above.items()}, below.all(axis=1))
        contradict = (above[1.0] & ~below).any(axis=1) & below.any(axis=1)
        different = np.where(contradict | (shared == INCONCLUSIVE), MIXED, shared)
        return np.where(self.differ_p < alpha - level, different, said)


def _tails(found: replica.Found, truth: Floats) -> Tails:
    d, e, df = found
    return {bound: special.stdtr(df, -(d + truth - bound) / e) for bound in ABOVE}


def _shown(tails: list[Tails], level: float) -> tuple[dict[float, Flags], Flags]:
    """Whether each effect is shown to lie above a bound, and below the margin."""
    above = {bound: np.all([tail[bound] < level / 2 for tail in tails], axis=0) for bound in ABOVE}
    return above, np.all([1 - tail[1.0] < level / 2 for tail in tails], axis=0)


def _said(above: dict[float, Flags], below: Flags) -> NDArray[np.str_]:
    return np.select(
        [above[1.0], below & above[-1.0], below, above[0.0]],
        [SUPPORTED, EQUIVALENT, REFUTED, DIRECTION],
        INCONCLUSIVE,
    )


def judge(value_SAR: Floats, shape: Shape, is_paired: bool, fallen_S: Flags | None = None) -> Judged:
    """As `judge_means` does; with `fallen_S`, by the wider of two spreads where a run collapsed."""
    weights = shape.weights
    bases = [replica.pooled(value_SAR, weights.mean(axis=0), is_paired)]
    several = len(weights) > 1
    parts = [_each(value_SAR, weights, is_paired)] if several else []
    between = independent_rows(weights[1:] - weights[0]) if several else None
    p = None
    if between is not None:
        p = (replica.paired_differ_p if is_paired else replica.differ_p)(value_SAR, between)
    if fallen_S is None or not fallen_S.any() or is_paired:
        return Judged(tuple(bases), tuple(parts), p)
    common = replica.pooled_with_common_spread(value_SAR, weights.mean(axis=0))
    bases.append(_where(fallen_S, common, bases[0]))
    if several:
        of_each = [replica.pooled_with_common_spread(value_SAR, weight_A) for weight_A in weights]
        parts.append(_where(fallen_S[:, None], _stacked(of_each), parts[0]))
    if between is not None and p is not None:
        p = np.where(fallen_S, np.maximum(p, replica.differ_p_with_common_spread(value_SAR, between)), p)
    return Judged(tuple(bases), tuple(parts), p)


def _each(value_SAR: Floats, weight_CA: Floats, is_paired: bool) -> replica.Found:
    return _stacked([replica.pooled(value_SAR, weight_A, is_paired) for weight_A in weight_CA])


def _stacked(found: list[replica.Found]) -> replica.Found:
    d, e, df = (np.stack(of, axis=1) for of in zip(*found, strict=True))
    return d, e, df


def _where(fallen: Flags, common: replica.Found, own: replica.Found) -> replica.Found:
    return own[0], np.where(fallen, common[1], own[1]), np.where(fallen, common[2], own[2])


def wrong(word: NDArray[np.str_], truth_S: Floats) -> Flags:
    """Whether a word says what is not so of a claim whose comparisons all have this effect."""
    return np.asarray(
        ((word == SUPPORTED) & (truth_S <= 1))
        | ((word == EQUIVALENT) & (np.abs(truth_S) >= 1))
        | ((word == REFUTED) & (truth_S >= 1))
        | ((word == DIRECTION) & (truth_S <= 0))
        | (word == MIXED)
    )


def measure(
    world: str, shape: Shape, is_paired: bool, runs: int, studies: int
) -> dict[tuple[str, int], Rate]:
    """Any wrong word a report, by truth and number of claims. Equal arguments, equal numbers."""
    most = max(CLAIMS)
    value, fallen = _drawn(world, shape, is_paired, runs, studies * most)
    judged = judge(value, shape, is_paired, fallen)
    rates = {}
    for name, effects in truths(world).items():
        truth_S = np.tile(np.resize(effects, most), studies)
        tails = judged.tails(truth_S)
        for claims in CLAIMS:
            is_wrong = wrong(judged.words(tails, ALPHA / claims), truth_S).reshape(studies, most)
            rates[name, claims] = Rate.of(is_wrong[:, :claims].any(axis=1))
    return rates


def shares(
    shape: Shape, runs: int, studies: int, effect: float, apart: float = 0.0, claims: int = 1
) -> dict[str, float]:
    """How often each word is said of one of so many claims; comparisons lie `apart` above and below the effect in turn."""
    value, _ = _drawn("equal spreads", shape, False, runs, studies)
    moved = value + apart * _turns(shape)[:, None]
    judged = judge(moved, shape, False)
    word = judged.words(judged.tails(np.full(studies, effect)), ALPHA / claims)
    said = (SUPPORTED, DIRECTION, EQUIVALENT, REFUTED, INCONCLUSIVE, MIXED)
    return {name: float((word == name).mean()) for name in said}


def _drawn(world: str, shape: Shape, is_paired: bool, runs: int, claims: int) -> tuple[Floats, Flags]:
    rng = ours.named_rng("words", world, shape.name, "paired" if is_paired else "unpaired", runs)
    return draw(world, rng, claims, runs, shared=is_paired)


def _turns(shape: Shape) -> Floats:
    """Arm means that move the comparisons by +1 and -1 in turn."""
    turn_C = np.resize([1.0, -1.0], len(shape.weights))
    return np.where(shape.weights > 0, turn_C[:, None], 0.0).sum(axis=0)
