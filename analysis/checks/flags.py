"""Reasons why a comparison is uninformative or confounded, as sentences for the captions under which it is read.

Data that the compact logs do not hold raise no flag: neither does a metric that no run logged.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from analysis.checks.scored import listed, rewarded_apart, scored_apart, trained_apart
from analysis.checks.tuning import clip_is_tuned, tuning_flags
from analysis.evidence.evidence import Evidence
from analysis.evidence.measures import Measure, run_means
from analysis.logs.digests import digests_by_run
from analysis.logs.manifest import Arm
from analysis.logs.run_files import DONE
from analysis.logs.trace import RECORD, Trace, metric, ranges, trace
from analysis.text.rounding import rounded
from sspo.config.choices import term_of_record
from sspo.metrics.held import FEWEST_TIMES, MOST_TIMES

CLIP = "policy/clip_frac"
CLIP_ACTIVE = Measure("clip", "policy/clip_frac_active", True)
ZERO, TOKENS = "rollout/zero_advantage_group_frac", "rollout/response_tokens"
TRAJECTORY = (
    "reward/mean",
    "rollout/accuracy",
    TOKENS,
    "rollout/entropy_token",
    "policy/token_log_ratio_std",
    "optim/grad_norm",
)
"""Metrics that two runs of one seed share at every step if nothing in which they differ had an effect. Counts of segments and
clips may still differ."""
MOSTLY_ZERO = 0.9
"""Share of groups without an advantage, a mean over an arm's rollouts, at and above which hardly any response carries a gradient."""
LONGER, SLOWER = 1.25, 1.5
"""Ratios of tokens, and of seconds, beyond which (or below whose inverse) arms count as unequal. Length is an outcome as well, and
seconds vary with a machine's other load."""
NAMED = 3
"""Arms that a sentence names before it counts the others."""


@functools.lru_cache(maxsize=1)
def flags(evidence: Evidence) -> tuple[str, ...]:
    """Return factors that cannot act, then comparisons of unequal arms; empty if there is nothing to flag."""
    found = (
        _never_clipped(evidence),
        _zero_advantages(evidence),
        *_identical(evidence),
        *_unequal(evidence),
        *rewarded_apart(evidence),
        *trained_apart(evidence),
        *scored_apart(evidence),
        *tuning_flags(evidence),
    )
    return tuple(sentence for sentence in found if sentence)


def flags_trace(evidence: Evidence) -> Trace:
    """Return the trace of all flags."""
    keys = dict.fromkeys((CLIP, CLIP_ACTIVE.key, ZERO, *TRAJECTORY))
    logged = [metric(key) for key in keys if evidence.logs.metrics[key].notna().any()]
    runs = [run for arm in _trained(evidence) for run in evidence.counted(arm)]
    return trace("whether factors could have an effect, and arms had equal budgets", [*logged, RECORD], runs)


def _trained(evidence: Evidence) -> list[Arm]:
    return [arm for arm in evidence.study.with_role("arm", "no_clip", "aa") if evidence.counted(arm)]


def _never_clipped(evidence: Evidence) -> str:
    most = evidence.logs.metrics.groupby("run")[CLIP].max().dropna()
    clipping = [
        (arm.label, max(float(most[run]) for run in runs))
        for arm in evidence.study.with_role("arm")
        if (runs := [r for r in evidence.counted(arm) if r in most.index and _clips(evidence, r)])
    ]
    never = [label for label, share in clipping if share == 0]
    if not never:
        return ""
    if len(never) == len(clipping):
        return "Clipping had no effect: no arm clipped a token at any step, so its bounds do not matter here."
    return f"Clipping had no effect in {listed(never, named=NAMED)}: no token was clipped at any step."


def _clips(evidence: Evidence, run: int) -> bool:
    term = term_of_record(evidence.logs.runs[run].get("term"))
    return term is None or not term.no_clip


def _zero_advantages(evidence: Evidence) -> str:
    share = run_means(evidence, Measure("zero", ZERO, True)).to_dict()
    means = [(arm.label, _mean(share, evidence.counted(arm))) for arm in _trained(evidence)]
    found = [
        f"{label} ({rounded(100 * mean, '.0f')} %)"
        for label, mean in means
        if mean is not None and mean >= MOSTLY_ZERO
    ]
    if not found:
        return ""
    return f"Zero advantages: share of groups with equal rewards, which carry no gradient: {listed(found, named=NAMED)}."


def _identical(evidence: Evidence) -> Iterator[str]:
    """Report arms that are identical at all shared seeds together, other arms pair by pair."""
    trajectories, seeds = _trajectories(evidence.logs.metrics), evidence.runs["seed"].tolist()
    trained = {arm.name: arm.label for arm in _trained(evidence)}
    digests = {
        arm.name: {seeds[run]: trajectories[run] for run in evidence.counted(arm) if run in trajectories}
        for arm in _trained(evidence)
    }
    groups: list[list[str]] = []
    partly = []
    for name, mine in digests.items():
        for group in groups:
            theirs = digests[group[0]]
            shared = mine.keys() & theirs.keys()
            equal = [seed for seed in shared if mine[seed] == theirs[seed]]
            if shared and len(equal) == len(shared):
                group.append(name)
                break
            if equal:
                both = f"{trained[group[0]]} and {trained[name]}"
                partly.append(f"{both} at {len(equal)} of {len(shared)} shared seeds")
        else:
            groups.append([name])
    alike = [" and ".join(trained[name] for name in group) for group in groups if len(group) > 1]
    if alike or partly:
        whole = [f"{names} at all shared seeds" for names in alike]
        yield f"Identical trajectories: {listed([*whole, *partly], '; ', NAMED)}: their differences had no effect there."


def _trajectories(metrics: pd.DataFrame) -> dict[int, str]:
    """Return, by run, a digest of its TRAJECTORY metrics. Runs need two such metrics and two rollouts: the first rollout is shared
    by design."""
    by_run = metrics.groupby("run")
    enough = by_run["rollout"].nunique().ge(2) & by_run[list(TRAJECTORY)].count().gt(0).sum(axis=1).ge(2)
    digests = digests_by_run(metrics[["run", "rollout", "update", *TRAJECTORY]], apart_from="run")
    return {run: digests[run] for run in enough.index[enough]}


@dataclass(frozen=True)
class _Budget:
    """A quantity that should be equal in compared arms: one number per arm, and the ratios beyond which two arms count as unequal."""

    name: str
    of_arm: Callable[[Arm], float | None]
    low: float
    high: float
    text: Callable[[float], str]


def _unequal(evidence: Evidence) -> Iterator[str]:
    """Yield one sentence per quantity on which an arm and its reference differ."""
    pairs = [(a, b) for a in _trained(evidence) if (b := evidence.study.reference_of(a)) is not None]
    for budget in _budgets(evidence):
        found = [said for arm, other in pairs if (said := _apart(budget, arm, other)) is not None]
        worst_first = [said for _, said in sorted(found, key=lambda one: -one[0])]
        if worst_first:
            yield f"Unequal {budget.name}: {listed(worst_first, '; ', NAMED)}."
    seeds = [
        f"{arm.label} ({_seeds(evidence, arm)}) against {other.label} ({_seeds(evidence, other)})"
        for arm, other in pairs
        if arm.role != "aa" and evidence.counted(other) and _seeds(evidence, arm) != _seeds(evidence, other)
    ]
    if seeds:
        yield f"Unequal seeds: {listed(seeds, '; ', NAMED)}."


def _budgets(evidence: Evidence) -> tuple[_Budget, ...]:
    metrics = evidence.logs.metrics
    steps = metrics.groupby("run").size().astype("float64")
    lengths = metrics.dropna(subset=[TOKENS]).groupby("run")[TOKENS].sum().astype("float64")
    seconds = evidence.runs["seconds"].astype("float64").dropna()
    clip = run_means(evidence, CLIP_ACTIVE).to_dict()
    fraction = f"clip fraction{', which was tuned' if clip_is_tuned(evidence) else ''}"

    def mean(of_run: pd.Series) -> Callable[[Arm], float | None]:
        known = of_run.to_dict()
        return lambda arm: _mean(known, _done(evidence, arm))

    def clipped(arm: Arm) -> float | None:
        runs = [run for run in evidence.counted(arm) if _clips(evidence, run)]
        return None if arm.role == "no_clip" else _mean(clip, runs)

    return (
        _Budget(fraction, clipped, FEWEST_TIMES, MOST_TIMES, lambda v: f"{rounded(100 * v, '.2g')} %"),
        _Budget("updates", mean(steps), 1, 1, lambda v: f"{v:g}"),
        _Budget(
            "tokens (mean per response, summed over rollouts)",
            mean(lengths),
            1 / LONGER,
            LONGER,
            lambda v: rounded(v, ",.0f"),
        ),
        _Budget("wall time", mean(seconds), 1 / SLOWER, SLOWER, lambda v: f"{rounded(v, '.0f')} s"),
    )


def _apart(budget: _Budget, arm: Arm, other: Arm) -> tuple[float, str] | None:
    """Return the absolute log ratio of two arms and a text with both numbers; None if they are close enough."""
    mine, theirs = budget.of_arm(arm), budget.of_arm(other)
    if mine is None or theirs is None or mine == theirs:
        return None
    times = mine / theirs if theirs else math.inf
    if budget.low <= times <= budget.high:
        return None
    apart = math.inf if times in (0, math.inf) else abs(math.log(times))
    return apart, f"{arm.label} ({budget.text(mine)}) against {other.label} ({budget.text(theirs)})"


def _done(evidence: Evidence, arm: Arm) -> list[int]:
    """Return the arm's finished runs. A diverged run has less of everything, which captions already mention."""
    status = evidence.runs["status"].to_numpy()
    return [run for run in evidence.counted(arm) if status[run] == DONE]


def _mean(of_run: Mapping[int, float], runs: Iterable[int]) -> float | None:
    known = [float(of_run[run]) for run in runs if run in of_run]
    return sum(known) / len(known) if known else None


def _seeds(evidence: Evidence, arm: Arm) -> str:
    """Return the seeds of the counted runs, as ranges."""
    return ranges(sorted({int(evidence.runs.at[run, "seed"]) for run in evidence.counted(arm)}))
