"""The ranking table: arms in order at their defaults, at their tuned points, and over the plateaus around these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.evidence.evidence import AVERAGE, Evidence, values
from analysis.evidence.result_traces import primary_traces
from analysis.evidence.tuning import TunedArm, Tuning, pilot_trace, tuning_of
from analysis.logs.trace import Trace
from analysis.statistics import Interval, t_interval
from analysis.statistics.families import FEWEST_RUNS
from analysis.statistics.tuning.sensitivity import HALF, NORMAL, over_plateau
from analysis.tables.tuning import captions
from analysis.text.numbers import score
from analysis.text.table import EMPTY, Cell, Row, Table
from analysis.text.unit import Unit

DEFAULT, TUNED, PLATEAU = "default", "tuned", "over plateau"
FRESH, FIT = "fresh seeds", "fit"


@dataclass(frozen=True)
class Placed:
    """An arm's score in one column."""

    interval: Interval
    """Shares in [0, 1]; `n` is the number of runs, 0 for a fit."""
    runs: tuple[float, ...]
    """Scores of fresh runs; none for a fit."""
    trace: Trace

    @property
    def source(self) -> str:
        """Return where the score comes from."""
        return FRESH if self.runs else FIT

    def text(self, unit: Unit) -> str:
        """Format it: the mean with half its interval, or few runs' values."""
        return score(self.interval if self.runs else _wide(self.interval), self.runs, unit)


def ranking_table(evidence: Evidence) -> Table | None:
    """Return one row per tuned arm, the best tuned one first; None before any arm has its point."""
    tuning = tuning_of(evidence)
    if tuning is None or not tuning.chosen:
        return None
    columns = {
        DEFAULT: {one.arm.name: _default(evidence, tuning, one) for one in tuning.chosen},
        TUNED: {one.arm.name: _tuned(evidence, one) for one in tuning.chosen},
        PLATEAU: {one.arm.name: _plateau(evidence, one) for one in tuning.chosen},
    }
    ranks = {title: ranked(found) for title, found in columns.items()}
    order = sorted(tuning.chosen, key=lambda one: ranks[TUNED][one.arm.name])
    sources = {title: _sources(found) for title, found in columns.items()}
    return Table(
        "ranking",
        (
            "Scores (%) and ranks of the tuned arms at their defaults, at their tuned points and over the plateaus around these.",
        ),
        ("arm", *(name for title in columns for name in (title, _rank(title)))),
        tuple(_row(evidence, one, columns, ranks) for one in order),
        title="Ranking",
        notes=_notes(tuning, columns),
        meanings=_meanings(),
        qualifiers={title: f"± 95 % CI; {said}" for title, said in sources.items() if said},
    )


def _rank(title: str) -> str:
    return f"rank, {title}"


def ranked(found: Mapping[str, Placed | None]) -> dict[str, int]:
    """Return the rank of every arm with a score, 1 for the highest; equal scores share a rank."""
    means = {name: placed.interval.point for name, placed in found.items() if placed is not None}
    return {name: 1 + sum(other > mean for other in means.values()) for name, mean in means.items()}


def _default(evidence: Evidence, tuning: Tuning, one: TunedArm) -> Placed | None:
    """Return the score at the arm's default: of fresh runs, else of the fit; None if the default lies outside the space."""
    arm = tuning.default_arm(one.arm)
    if arm is not None and tuning.defaults is not None:
        fresh = values(tuning.defaults, tuning.defaults.primary, arm)
        if fresh:
            return _fresh(fresh, primary_traces(tuning.defaults).score(arm, AVERAGE))
    if one.default is None:
        return None
    assert one.surface is not None, "an arm with a point has a fit"
    mean, sd = (float(of[0]) for of in one.surface.at([one.default]))
    return _of_fit(
        mean, sd, pilot_trace(evidence, [one], f"the expected score at the default under {captions.FIT}")
    )


def _tuned(evidence: Evidence, one: TunedArm) -> Placed | None:
    fresh = values(evidence, evidence.primary, one.arm)
    if fresh:
        return _fresh(fresh, primary_traces(evidence).score(one.arm, AVERAGE))
    assert one.surface is not None, "an arm with a point has a fit"
    assert one.chosen is not None, "an arm that is ranked has its point"
    mean, sd = (float(of[0]) for of in one.surface.at([one.chosen]))
    return _of_fit(
        mean, sd, pilot_trace(evidence, [one], f"the expected score at the chosen point under {captions.FIT}")
    )


def _plateau(evidence: Evidence, one: TunedArm) -> Placed | None:
    assert one.surface is not None, "an arm with a point has a fit"
    assert one.chosen is not None, "an arm that is ranked has its point"
    mean, sd = over_plateau(one.options, one.surface, one.chosen)
    return _of_fit(
        mean,
        sd,
        pilot_trace(evidence, [one], f"the mean over the box around the chosen point of {captions.FIT}"),
    )


def _fresh(runs: Sequence[float], source: Trace) -> Placed:
    found = t_interval(runs)
    if found.n < FEWEST_RUNS:
        found = Interval(found.point, None, None, found.n)
    return Placed(found, tuple(runs), source)


def _of_fit(mean: float, sd: float, source: Trace) -> Placed:
    return Placed(Interval(mean, mean - NORMAL * sd, mean + NORMAL * sd, 0), (), source)


def _wide(interval: Interval) -> Interval:
    """Return the interval of a fit as one that is printed with its half width."""
    return Interval(interval.point, interval.low, interval.high, FEWEST_RUNS)


def _row(
    evidence: Evidence,
    one: TunedArm,
    columns: Mapping[str, Mapping[str, Placed | None]],
    ranks: Mapping[str, Mapping[str, int]],
) -> Row:
    cells = [Cell(one.arm.label, {"arm": one.arm.name, "label": one.arm.label})]
    for title, found in columns.items():
        cells += _cells(evidence.unit, title, found[one.arm.name], ranks[title].get(one.arm.name))
    return Row("tuned", tuple(cells))


def _cells(unit: Unit, title: str, placed: Placed | None, rank: int | None) -> tuple[Cell, Cell]:
    name = title.replace(" ", "_")
    if placed is None:
        return Cell(EMPTY, {f"{name}_mean": None}), Cell(EMPTY, {f"{name}_rank": None})
    low, high = (
        None if end is None else unit.factor * end for end in (placed.interval.low, placed.interval.high)
    )
    data: dict[str, float | int | str | None] = {
        f"{name}_mean": unit.factor * placed.interval.point,
        f"{name}_low": low,
        f"{name}_high": high,
        f"{name}_runs": len(placed.runs),
        f"{name}_source": placed.source,
    }
    return Cell(placed.text(unit), data, trace=placed.trace), Cell(
        str(rank), {f"{name}_rank": rank}, trace=placed.trace
    )


def _sources(found: Mapping[str, Placed | None]) -> str:
    """Return where a column's scores come from, `fresh seeds`, `fit` or both."""
    return " or ".join(dict.fromkeys(placed.source for placed in found.values() if placed is not None))


def _notes(tuning: Tuning, columns: Mapping[str, Mapping[str, Placed | None]]) -> tuple[str, ...]:
    outside = [one.arm.label for one in tuning.chosen if columns[DEFAULT][one.arm.name] is None]
    missing = len(tuning.arms) - len(tuning.chosen)
    sentences = (
        "Ranks are of the printed means and nothing is tested here: arms whose intervals overlap may change places.",
        f"Fresh seeds: runs on seeds on which nothing was chosen. Fit: the smooth fit over pilot runs on {', '.join(map(str, tuning.seeds))}, "
        "whose scores are of other seeds: compare within a column.",
        f"No score at the default, which lies outside the space: {', '.join(outside)}." if outside else "",
        f"{missing} arms have no point yet." if missing else "",
        captions.IGNORED,
    )
    return tuple(sentence for sentence in sentences if sentence)


def _meanings() -> dict[str, str]:
    return {
        DEFAULT: "The arm at its own default.",
        TUNED: "The arm at its chosen point.",
        PLATEAU: f"Mean of the fit over the box of {100 * HALF:g} % of each range around the chosen point, cut at the ends of the "
        "space: what a less careful choice would get.",
        **{_rank(title): "1 is the highest mean of the column." for title in (DEFAULT, TUNED, PLATEAU)},
    }
