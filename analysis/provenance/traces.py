"""Origins of figures and of the sections of prose."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from analysis.checks.flags import flags_trace
from analysis.evidence.evidence import Evidence
from analysis.evidence.replay import Replay
from analysis.evidence.result_traces import counted_runs, primary_traces
from analysis.evidence.tuning import pilot_trace, tuning_of
from analysis.figures.catalogue import FIGURES, REPLAY_FIGURES
from analysis.logs.compact import METRIC_KEYS
from analysis.logs.trace import RECORD, SAMPLES, Trace, joined, metric, trace

FIRST = ("difference_to_baseline", "paired_by_seed", "held_out_accuracy", "clip_against_accuracy")
"""Figures that provenance.json lists before the others: its bytes are part of committed reports."""


def figure_traces(evidence: Evidence, replay: Replay | None, shown: Collection[str]) -> dict[str, Trace]:
    """Return the trace of each figure that a report shows, by name."""
    mine = [figure for figure in FIGURES if figure.name in shown]
    found = {figure.name: figure.trace(evidence) for figure in mine}
    ordered = {name: found[name] for name in (*FIRST, *found) if name in found}
    if replay is None:
        return ordered
    return ordered | {f.name: f.trace(replay) for f in REPLAY_FIGURES if f.name in shown}


def section_traces(evidence: Evidence, claims: Mapping[str, str]) -> dict[str, Trace]:
    """Return the traces of the sections that cover all runs at once; `claims` are files with their SHA-256."""
    everything = frozenset(counted_runs(evidence, "base", "arm", "no_clip", "aa"))
    primary = primary_traces(evidence)
    logged = [key for key in METRIC_KEYS if evidence.logs.metrics[key].notna().any()]
    metrics = trace("", [*map(metric, logged), RECORD], everything)
    tuning = tuning_of(evidence)
    tuned = () if tuning is None else (pilot_trace(evidence, tuning.arms, ""),)
    samples = {sample.run for sample in evidence.logs.samples}
    stated = " and ".join(f"{name} (sha256 {digest[:12]})" for name, digest in claims.items())
    return {
        "answer": joined("the differences of the results table", primary.whole("")),
        "verdicts": joined(
            f"tests of the claims of {stated} on logged metrics and final scores", primary.whole(""), metrics
        ),
        "gates": joined(
            "conditions that a study must meet, on scores, metrics and states of all runs",
            primary.whole(""),
            metrics,
            *tuned,
        ),
        "flags": joined(flags_trace(evidence).formula, flags_trace(evidence), *tuned)
        if tuned
        else flags_trace(evidence),
        "samples": trace("responses of the arms to the same prompts", [SAMPLES], samples),
    }
