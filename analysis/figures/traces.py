"""Where figures and the sections of prose come from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from analysis.checks.flags import flags_trace
from analysis.evidence.evidence import Evidence
from analysis.evidence.held_out import base_line, curve_answers
from analysis.evidence.replay import Replay
from analysis.evidence.result_traces import ResultTraces
from analysis.logs.compact import METRIC_KEYS
from analysis.logs.trace import RECORD, REPLAY_SUMMARY, SAMPLES, Trace, answers, metric, replayed, trace

TRAINED = ("arm", "no_clip", "aa")
DRAWN = ("arm", "no_clip")
CURVES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "training_reward_accuracy": (
        "reward and accuracy by rollout: mean over runs",
        ("reward/mean", "rollout/accuracy"),
    ),
    "clip_fraction": (
        "mean over each rollout's updates, then over runs",
        tuple(f"policy/clip_frac_active{part}" for part in ("", "_low", "_high")),
    ),
    "entropy": ("token entropy by rollout: mean over runs", ("rollout/entropy_token",)),
    "ratio_spread": (
        "mean over each rollout's updates, then over runs",
        ("policy/ratio_std", "policy/token_log_ratio_std"),
    ),
    "ratio_quantiles": (
        "mean over each rollout's updates, then over runs",
        ("policy/ratio_p99", "policy/ratio_p50", "policy/ratio_p01"),
    ),
    "length": ("response length by rollout: mean over runs", ("rollout/response_tokens",)),
}


def figure_traces(evidence: Evidence, replay: Replay | None) -> dict[str, Trace]:
    """By figure; of figures that a study does not have, too."""
    primary = ResultTraces(evidence, evidence.study.mode, evidence.study.temperature)
    drawn, trained = counted(evidence, DRAWN), counted(evidence, TRAINED)
    found = {
        "difference_to_baseline": primary.of(
            evidence.study.with_role(*TRAINED),
            "each arm's average minus that of the arm that it is tested against",
        ),
        "paired_by_seed": primary.of(
            evidence.study.with_role("arm"),
            "averages of the seeds that an arm shares with what it is tested against",
        ),
        "held_out_accuracy": _held_out(evidence, drawn),
        "clip_against_accuracy": _joined(
            "a run's mean clipped share against its final average, in points",
            primary.of(evidence.study.with_role(*TRAINED), ""),
            trace("", [metric("policy/clip_frac_active")], trained),
        ),
    }
    gridded = [arm for arm in evidence.study.arms if arm.factors]
    for name in ("factor_effects", "heat_map"):
        found[name] = primary.of(
            gridded, "averages of the runs at each level or crossing of the design's factors"
        )
    for name, (formula, keys) in CURVES.items():
        found[name] = trace(f"{formula}; bands are 95 % t intervals over runs", map(metric, keys), drawn)
    if replay is not None:
        streams = [replayed(curve.objective, curve.rule) for curve in replay.curves]
        runs = range(replay.first_run, replay.first_run + len(replay.summary.runs))
        formula = "counts of recorded rollouts, evaluated again under other bounds, pooled over runs"
        for name in ("replay_clip_fraction", "replay_trade_off", "replay_clip_by_update"):
            found[name] = trace(formula, [*streams, REPLAY_SUMMARY], runs)
    return found


def section_traces(evidence: Evidence, claims: Mapping[str, str]) -> dict[str, Trace]:
    """Of the sections that speak of all runs at once; `claims` are files with their SHA-256."""
    everything = frozenset(counted(evidence, ("base", *TRAINED)))
    primary = ResultTraces(evidence, evidence.study.mode, evidence.study.temperature)
    logged = [key for key in METRIC_KEYS if evidence.logs.metrics[key].notna().any()]
    metrics = trace("", [*map(metric, logged), RECORD], everything)
    samples = {sample.run for sample in evidence.logs.samples}
    stated = " and ".join(f"{name} (sha256 {digest[:12]})" for name, digest in claims.items())
    return {
        "verdicts": _joined(
            f"tests of the claims of {stated} on logged metrics and final scores", primary.whole(""), metrics
        ),
        "gates": _joined(
            "conditions that a study must meet, on scores, metrics and states of all runs",
            primary.whole(""),
            metrics,
        ),
        "flags": flags_trace(evidence),
        "samples": trace("responses of the arms to the same prompts", [SAMPLES], samples),
    }


def counted(evidence: Evidence, roles: Iterable[str]) -> list[int]:
    """Runs that are counted, of arms of these roles."""
    return [run for arm in evidence.study.with_role(*roles) for run in evidence.counted(arm)]


def _held_out(evidence: Evidence, drawn: list[int]) -> Trace:
    """Curves, and the line of the untrained base where it answered their questions."""
    while_training = not curve_answers(evidence)["final"].any()
    curves = trace("", [answers("sampled", 1.0, final=not while_training)], drawn)
    base = counted(evidence, ("base",)) if base_line(evidence) is not None else []
    formula = (
        "mean over sets of the share of right answers at T = 1, by rollout: mean over runs, 95 % t interval"
    )
    return _joined(formula, curves, trace("", [answers("sampled", 1.0)], base))


def _joined(formula: str, *traces: Trace) -> Trace:
    """One trace with the reads and values of several."""
    reads: dict[str, frozenset[int]] = {}
    for part in traces:
        for stream, runs in part.reads.items():
            reads[stream] = reads.get(stream, frozenset()) | runs
    values = tuple(pair for part in traces for pair in part.values)
    return Trace(formula, reads, values)
