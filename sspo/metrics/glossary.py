"""GLOSSARY: every key that a run may log, with unit, reduction, meaning and direction. No other key is accepted."""

from __future__ import annotations

from dataclasses import dataclass

PERCENTILES = {"p01": 1, "p10": 10, "p50": 50, "p90": 90, "p99": 99}
MIN_ELIGIBLE = 100
"""Fractions over rare tokens are null below this many tokens; their counts are logged beside them."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One row of the glossary. direction: what a reader usually wants of it (up, down, or neither)."""

    key: str
    unit: str
    reduction: str
    meaning: str
    direction: str = "neither"
    min_count: int = 1


def _rows(*rows: tuple[str, ...]) -> dict[str, Entry]:
    entries = [
        Entry(key=r[0], unit=r[1], reduction=r[2], meaning=r[3], direction=(*r, "neither")[4]) for r in rows
    ]
    return {entry.key: entry for entry in entries}


ROLLOUT_KEYS = _rows(
    ("reward/mean", "points", "mean", "reward of a response", "up"),
    ("reward/std", "points", "sd", "population standard deviation of rewards in the rollout"),
    ("rollout/accuracy", "share", "mean", "sampled responses with status ok", "up"),
    ("rollout/wrong_frac", "share", "mean", "responses with a wrong answer", "down"),
    ("rollout/unparsable_frac", "share", "mean", "responses with no answer found", "down"),
    ("rollout/truncated_frac", "share", "mean", "responses cut at the token limit", "down"),
    ("rollout/response_tokens", "tokens", "mean", "length of a response"),
    ("rollout/zero_advantage_group_frac", "share", "mean", "prompts with equal rewards in all responses", "down"),
    ("rollout/segments_per_response", "segments", "mean", "segments a response under the configured rule"),
    ("rollout/tokens_per_segment", "tokens", "mean", "length of a segment"),
    ("rollout/segment_tokens_sd", "tokens", "sd", "population standard deviation of segment lengths"),
    ("rollout/entropy_token", "nats", "mean", "entropy of the sampling policy at a token"),
    ("rollout/entropy_segment", "nats", "mean", "mean entropy of a segment, averaged over segments"),
    ("rollout/entropy_segment_sd", "nats", "sd", "spread of segment entropies"),
    ("policy/clip_frac_matched", "share", "mean", "clipped share of tokens with A != 0 over the rollout's updates from the second on: what arms are matched on"),
    ("policy/clip_scale", "ratio", "last", "what the controller multiplied clip.low and clip.high by in this rollout; 1 without one"),
)  # fmt: skip

POLICY_KEYS = _rows(
    ("policy/loss", "points", "sum", "the surrogate loss that was minimised"),
    ("policy/clip_frac", "share", "mean", "response tokens whose gradient the clip removed"),
    ("policy/clip_frac_low", "share", "mean", "... with A < 0 and ratio below 1 - low"),
    ("policy/clip_frac_high", "share", "mean", "... with A > 0 and ratio above 1 + high"),
    ("policy/clip_frac_active", "share", "mean", "clipped share of tokens with A != 0"),
    ("policy/clip_frac_active_low", "share", "mean", "... clipped low, of tokens with A != 0"),
    ("policy/clip_frac_active_high", "share", "mean", "... clipped high, of tokens with A != 0"),
    ("policy/clip_frac_segment", "share", "mean", "clipped share of a segment's tokens, averaged over segments"),
    ("policy/clip_frac_response", "share", "mean", "clipped share of a response's tokens, averaged over responses"),
    ("policy/active_token_frac", "share", "mean", "response tokens with A != 0"),
    ("policy/ratio_mean", "ratio", "mean", "importance ratio used in the loss"),
    ("policy/ratio_std", "ratio", "sd", "its standard deviation over tokens"),
    ("policy/ratio_min", "ratio", "min", "its minimum over tokens"),
    ("policy/ratio_p01", "ratio", "p01", "its 1st percentile over tokens"),
    ("policy/ratio_p10", "ratio", "p10", "its 10th percentile over tokens"),
    ("policy/ratio_p50", "ratio", "p50", "its median over tokens"),
    ("policy/ratio_p90", "ratio", "p90", "its 90th percentile over tokens"),
    ("policy/ratio_p99", "ratio", "p99", "its 99th percentile over tokens"),
    ("policy/ratio_max", "ratio", "max", "its maximum over tokens"),
    ("policy/token_log_ratio_std", "nats", "sd", "spread of the tokens' own log-ratios, whatever the ratio level"),
    ("policy/kl_k1", "nats", "mean", "estimate of KL(old || new) a token: -d", "down"),
    ("policy/kl_k3", "nats", "mean", "estimate of KL(old || new) a token: exp(d) - 1 - d", "down"),
    ("policy/bound_low_mean", "ratio", "mean", "effective lower clip distance"),
    ("policy/bound_low_p10", "ratio", "p10", "its 10th percentile over tokens"),
    ("policy/bound_low_p90", "ratio", "p90", "its 90th percentile over tokens"),
    ("policy/bound_high_mean", "ratio", "mean", "effective upper clip distance"),
    ("policy/bound_high_p10", "ratio", "p10", "its 10th percentile over tokens"),
    ("policy/bound_high_p90", "ratio", "p90", "its 90th percentile over tokens"),
    ("policy/extreme_tokens", "tokens", "sum", "tokens with own |d| > log 1.5 and A * d > 0: those a clip could stop"),
    ("policy/extreme_retained_tokens", "tokens", "sum", "extreme tokens that were not clipped"),
    ("policy/clipped_tokens", "tokens", "sum", "tokens whose gradient the clip removed"),
    ("policy/collateral_tokens", "tokens", "sum", "clipped tokens whose own ratio is inside the bound that clipped them"),
    ("optim/grad_norm", "norm", "last", "gradient norm before clipping to trainer.max_grad_norm"),
    ("optim/lr", "rate", "last", "learning rate of the step"),
)  # fmt: skip

RARE_KEYS = {
    key: Entry(key=key, unit="share", reduction="mean", meaning=meaning, direction="down", min_count=MIN_ELIGIBLE)
    for key, meaning in (
        ("policy/extreme_retained_frac", "of extreme tokens, the share that was not clipped"),
        ("policy/collateral_clip_frac", "of clipped tokens, the share whose own ratio is inside the bound that clipped them"),
    )
}  # fmt: skip

OPTION_KEYS = _rows(
    ("policy/capped_frac", "share", "mean", "term cispo: response tokens whose weight was cut; their gradient stays"),
    ("policy/kl_reference", "nats", "mean", "objective.kl: the estimate of KL(policy || base model) a token that was penalised", "down"),
    ("policy/tis_weight_mean", "ratio", "mean", "objective.tis_cap: the trainer's probability of a token over the sampler's, cut at the cap"),
    ("policy/tis_capped_frac", "share", "mean", "objective.tis_cap: response tokens whose weight is at the cap"),
    ("rollout/sampled_prompts", "prompts", "last", "rollout.resample: prompts that were sampled to fill the rollout"),
    ("rollout/unequal_prompt_frac", "share", "mean", "rollout.resample: of the prompts that were sampled, those with unequal rewards", "up"),
    ("rollout/filled_prompts", "prompts", "last", "rollout.resample: prompts with equal rewards that the rollout was filled up with", "down"),
    ("reward/overlong_penalty", "points", "mean", "reward.overlong_buffer: what length took from a response's reward", "down"),
)  # fmt: skip
"""Logged only by runs that use the option."""

GLOSSARY: dict[str, Entry] = {**ROLLOUT_KEYS, **POLICY_KEYS, **RARE_KEYS, **OPTION_KEYS}

TIMING_KEYS = _rows(
    ("seconds/rollout", "seconds", "last", "sampling responses"),
    ("seconds/reward", "seconds", "last", "decoding and scoring responses"),
    ("seconds/old_logp", "seconds", "last", "old log-probabilities, entropies and segments"),
    ("seconds/update", "seconds", "last", "all optimiser steps of the rollout"),
    ("seconds/evaluation", "seconds", "last", "held-out evaluation after the rollout"),
    ("seconds/checkpoint", "seconds", "last", "writing the checkpoint that came before the rollout"),
    ("speed/sampled_tokens", "tokens a second", "last", "response tokens over seconds of sampling"),
    ("speed/trained_tokens", "tokens a second", "last", "response tokens over seconds of optimiser steps"),
)  # fmt: skip
