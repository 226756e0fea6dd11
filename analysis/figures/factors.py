"""Shared parts of the figures of factorial studies."""

from __future__ import annotations

from analysis.evidence.evidence import Evidence
from analysis.evidence.result_traces import primary_traces
from analysis.logs.trace import Trace


def grid_origin(evidence: Evidence) -> Trace:
    """Return the trace of the scores of the design's arms."""
    gridded = [arm for arm in evidence.study.arms if arm.factors]
    return primary_traces(evidence).of(
        gridded, "averages of the runs at each level or crossing of the design's factors"
    )
