"""The measures of claims: one number per run, from compact logs alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from analysis.evidence import measures
from analysis.evidence.evidence import AVERAGE, Evidence
from analysis.logs.compact import METRIC_KEYS
from analysis.logs.trace import metric
from sspo.metrics import GLOSSARY


@dataclass(frozen=True)
class ClaimMeasure:
    """One number per run. `values` returns them by the run's index, and leaves out runs without one."""

    meaning: str
    percent: bool
    values: Callable[[Evidence], Mapping[int, float]]
    absent: str = "it was not logged"
    """The reason why a run has none."""
    streams: tuple[str, ...] = ()
    """Streams that it is read from; empty for scores, whose streams depend on the study."""


def _score(evidence: Evidence) -> Mapping[int, float]:
    return {int(r): float(v) for r, v in evidence.primary[AVERAGE].items()}


def _of(measure: measures.Measure) -> ClaimMeasure:
    def values(evidence: Evidence) -> Mapping[int, float]:
        return {int(r): float(v) for r, v in measures.run_means(evidence, measure).items()}

    share = measure.pooled
    absent = "no step logged it" if share is None else f"fewer than {share.min_count} such tokens"
    streams = tuple(metric(key) for key in measure.keys)
    return ClaimMeasure(measure.meaning, measure.percent, values, absent, streams)


def _none(_: Evidence) -> Mapping[int, float]:
    return {}


COLLAPSED, SCORE = "collapsed", "score"
MEASURES: Mapping[str, ClaimMeasure] = {
    **{key: _of(measures.Measure(key, key, GLOSSARY[key].unit == "share")) for key in METRIC_KEYS},
    **{measure.name: _of(measure) for measure in measures.MEASURES},
    SCORE: ClaimMeasure("average over sets on the primary metric", True, _score, "answers are missing"),
    COLLAPSED: ClaimMeasure("runs that diverged or scored below the untrained base", True, _none),
    "policy/grad_noise": ClaimMeasure(
        "noise of the gradient over sub-batches of one rollout",
        False,
        _none,
        "it is measured on recorded rollouts (see the replay), not logged in training",
    ),
}
"""Measures by name; `collapsed` is a yes or no that `analysis.claims.verdict` counts."""
