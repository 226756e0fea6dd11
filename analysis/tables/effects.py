"""The factorial study's own table: main effects and interactions of its factors on the primary metric."""

from __future__ import annotations

from analysis.evidence.collapse import any_collapsed
from analysis.evidence.evidence import AVERAGE, Evidence
from analysis.evidence.factors import TIMES, Grid, grid_of
from analysis.evidence.result_traces import primary_traces
from analysis.inference.rule import Rule, rule_of
from analysis.logs.trace import Trace
from analysis.statistics import Interval, holm
from analysis.statistics.factorial import Effect, factorial_effects
from analysis.statistics.families import ALPHA, FEWEST_RUNS, holm_levels
from analysis.tables.results import ADJUSTED
from analysis.text.numbers import between, p_text, signed
from analysis.text.rounding import rounded
from analysis.text.table import Cell, Row, Table


def effects_table(evidence: Evidence) -> Table | None:
    """Return one row per contrast, grouped by effect; None if the study is not a full grid, its effects
    cannot be estimated, or nothing may be tested.
    """
    grid, rule = grid_of(evidence.study), rule_of(evidence)
    if grid is None or not grid.full or rule.alpha is None:
        return None
    effects = estimated(evidence, grid, rule)
    if not effects:
        return None
    adjusted = holm([effect.p for effect in effects])
    whole = _trace(evidence, grid)
    rows = [
        _row(effect, levels, interval, p if i == 0 else None, whole)
        for effect, p in zip(effects, adjusted, strict=True)
        for i, (levels, interval) in enumerate(effect.contrasts)
    ]
    firsts = ", ".join(
        f"{factor} {levels[0]}" for factor, levels in zip(grid.factors, grid.levels, strict=True)
    )
    return Table(
        "effects",
        (
            f"Effects of the study's factors on the {AVERAGE} of the primary metric, in points against their first levels.",
        ),
        ("effect", "contrast", "points", "F", "p (Holm)"),
        tuple(rows),
        title="Effects of factors",
        notes=(
            f"First levels: {firsts}.",
            f"Means are unweighted over the other factors. Intervals agree with p ({rule.test} test).",
        ),
        meanings=MEANINGS,
        qualifiers={"points": ADJUSTED},
    )


def estimated(evidence: Evidence, grid: Grid, rule: Rule) -> list[Effect] | None:
    """Return the effects by the study's rule; None if an arm has fewer runs than a p needs, or if they cannot
    be estimated.

    Within seeds only if pairing is the rule and all arms share their seeds.
    """
    of = evidence.of_arm if rule.paired else evidence.of_cell
    scores = {arm.name: of(evidence.primary, arm) for arm in grid.arms}
    if min(map(len, scores.values())) < FEWEST_RUNS:
        return None
    seeds = {frozenset(of_seed) for of_seed in scores.values()}
    paired = rule.paired and len(seeds) == 1
    runs = [
        (place, seed, value) for arm, place in grid.places for seed, value in sorted(scores[arm.name].items())
    ]

    def at(level: float) -> list[Effect]:
        return factorial_effects(
            [value for _, _, value in runs],
            [place for place, _, _ in runs],
            grid.factors,
            [seed for _, seed, _ in runs] if paired else None,
            level,
            collapses=any_collapsed(evidence),
        )

    try:
        found = at(0.95)
    except ValueError:
        return None  # equal runs, or fewer seeds than contrasts: the results table shows which of these
    # intervals at the level of Holm's step agree with p if an effect is one contrast; several share the level
    levels = holm_levels([effect.p for effect in found], rule.alpha or ALPHA)
    return [at(1 - levels[i] / len(effect.contrasts))[i] for i, effect in enumerate(found)]


def _trace(evidence: Evidence, grid: Grid) -> Trace:
    formula = "contrast of the cell means of the grid, unweighted over the other factors; its F test is joint over the effect"
    primary = primary_traces(evidence)
    return primary.of(grid.arms, formula)


def _row(effect: Effect, levels: tuple[str, ...], interval: Interval, p: float | None, whole: Trace) -> Row:
    """Return a row; `p` is shown in the first row of an effect, with its name and F."""
    name, first = TIMES.join(effect.factors), p is not None
    text = signed(interval.point)
    if interval.low is not None and interval.high is not None:
        text += f" {between(interval.low, interval.high, sign=True)}"
    low, high = (None if v is None else 100 * v for v in (interval.low, interval.high))
    f = f"F({effect.df[0]:g}, {rounded(effect.df[1], '.3g')}) = {rounded(effect.f, '.1f')}"
    return Row(
        name,
        (
            Cell(name if first else "", {"effect": name}),
            Cell(", ".join(levels), {"levels": ", ".join(levels)}),
            Cell(
                text, {"points": 100 * interval.point, "low": low, "high": high, "n": interval.n}, trace=whole
            ),
            Cell(
                f if first else "",
                {"F": effect.f, "df1": effect.df[0], "df2": effect.df[1], "p": effect.p},
                trace=whole if first else None,
            ),
            Cell(p_text(p) if first else "", {"p_holm": p}, trace=whole if first else None),
        ),
        name=f"{name}: {', '.join(levels)}",
    )


MEANINGS = {
    "contrast": "The level that is compared with the first one; for an interaction, a difference of differences.",
    "F": "The joint test of all contrasts of an effect, with its degrees of freedom.",
    "p (Holm)": "p of the F test, adjusted by Holm over effects, as a family of their own.",
}
