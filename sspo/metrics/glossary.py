"""GLOSSARY: every key that a run may log, with unit, reduction, meaning and direction. No other key is accepted."""

from __future__ import annotations

import re
from dataclasses import KW_ONLY, dataclass
from typing import TypeVar

from sspo.config import REWARD_NAMES

PERCENTILES = {"p01": 1, "p10": 10, "p50": 50, "p90": 90, "p99": 99}
PART, OWN = "reward/part/", re.compile(r"[A-Za-z_][\w-]*")
"""Begins the keys of rewards that are added up, and the names that a user's own may have in them."""
MIN_ELIGIBLE = 100
"""Fractions over rare tokens are null below this many tokens; their counts are logged beside them."""
APART = 0.01
"""Difference in nats, between sampler and trainer, from which a token's log-probability is counted: a ratio of 1.01."""


@dataclass(frozen=True)
class Entry:
    """One row of the glossary. direction: the desirable direction (up, down, or neither)."""

    key: str
    unit: str
    reduction: str
    meaning: str
    direction: str = "neither"
    _: KW_ONLY
    min_count: int = 1
    compact: bool = False
    """True if a report keeps it: a column of the compact logs."""


@dataclass(frozen=True)
class Share(Entry):
    """A share of rare tokens: `part` over `whole`, null if the whole is below min_count. Both counts are logged beside it."""

    _: KW_ONLY
    part: str
    whole: str
    min_count: int = MIN_ELIGIBLE


Row = TypeVar("Row", bound=Entry)


def _rows(*entries: Row) -> dict[str, Row]:
    return {entry.key: entry for entry in entries}


ROLLOUT_KEYS = _rows(
    Entry("reward/mean", "points", "mean", "reward of a response", "up", compact=True),
    Entry("reward/std", "points", "sd", "population standard deviation of rewards in the rollout"),
    Entry("rollout/accuracy", "share", "mean", "sampled responses with status ok", "up", compact=True),
    Entry("rollout/wrong_frac", "share", "mean", "responses with a wrong answer", "down"),
    Entry("rollout/unparsable_frac", "share", "mean", "responses with no answer found", "down", compact=True),
    Entry("rollout/truncated_frac", "share", "mean", "responses cut at the token limit", "down", compact=True),
    Entry("rollout/response_tokens", "tokens", "mean", "length of a response", compact=True),
    Entry("rollout/zero_advantage_group_frac", "share", "mean", "prompts with equal rewards in all responses", "down", compact=True),
    Entry("rollout/segments_per_response", "segments", "mean", "segments per response under the configured rule", compact=True),
    Entry("rollout/tokens_per_segment", "tokens", "mean", "length of a segment", compact=True),
    Entry("rollout/segment_tokens_sd", "tokens", "sd", "population standard deviation of segment lengths", compact=True),
    Entry("rollout/entropy_token", "nats", "mean", "entropy of the sampling policy at a token", compact=True),
    Entry("rollout/entropy_segment", "nats", "mean", "mean entropy of a segment, averaged over segments"),
    Entry("rollout/entropy_segment_sd", "nats", "sd", "spread of segment entropies"),
    Entry("policy/clip_frac_matched", "share", "mean", "clipped share of tokens with A != 0 over the rollout's updates from the second on: the quantity that arms are matched on"),
    Entry("policy/clip_scale", "ratio", "last", "the controller's factor on clip.low and clip.high in this rollout; 1 without a controller"),
)  # fmt: skip

POLICY_KEYS = _rows(
    Entry("policy/loss", "points", "sum", "the surrogate loss that was minimized"),
    Entry("policy/clip_frac", "share", "mean", "response tokens whose gradient the clip removed", compact=True),
    Entry("policy/clip_frac_low", "share", "mean", "... with A < 0 and ratio below 1 - low"),
    Entry("policy/clip_frac_high", "share", "mean", "... with A > 0 and ratio above 1 + high"),
    Entry("policy/clip_frac_active", "share", "mean", "clipped share of tokens with A != 0", compact=True),
    Entry("policy/clip_frac_active_low", "share", "mean", "... clipped low, of tokens with A != 0", compact=True),
    Entry("policy/clip_frac_active_high", "share", "mean", "... clipped high, of tokens with A != 0", compact=True),
    Entry("policy/clip_frac_segment", "share", "mean", "clipped share of a segment's tokens, averaged over segments"),
    Entry("policy/clip_frac_response", "share", "mean", "clipped share of a response's tokens, averaged over responses"),
    Entry("policy/active_token_frac", "share", "mean", "response tokens with A != 0", compact=True),
    Entry("policy/ratio_mean", "ratio", "mean", "importance ratio used in the loss"),
    Entry("policy/ratio_std", "ratio", "sd", "its standard deviation over tokens", compact=True),
    Entry("policy/ratio_min", "ratio", "min", "its minimum over tokens"),
    Entry("policy/ratio_p01", "ratio", "p01", "its 1st percentile over tokens", compact=True),
    Entry("policy/ratio_p10", "ratio", "p10", "its 10th percentile over tokens", compact=True),
    Entry("policy/ratio_p50", "ratio", "p50", "its median over tokens", compact=True),
    Entry("policy/ratio_p90", "ratio", "p90", "its 90th percentile over tokens", compact=True),
    Entry("policy/ratio_p99", "ratio", "p99", "its 99th percentile over tokens", compact=True),
    Entry("policy/ratio_max", "ratio", "max", "its maximum over tokens"),
    Entry("policy/token_log_ratio_std", "nats", "sd", "spread of the tokens' own log-ratios, whatever the ratio level", compact=True),
    Entry("policy/kl_k1", "nats", "mean", "estimate of KL(old || new) per token: -d", "down"),
    Entry("policy/kl_k3", "nats", "mean", "estimate of KL(old || new) per token: exp(d) - 1 - d", "down", compact=True),
    Entry("policy/bound_low_mean", "ratio", "mean", "effective lower clip distance"),
    Entry("policy/bound_low_p10", "ratio", "p10", "its 10th percentile over tokens"),
    Entry("policy/bound_low_p90", "ratio", "p90", "its 90th percentile over tokens"),
    Entry("policy/bound_high_mean", "ratio", "mean", "effective upper clip distance"),
    Entry("policy/bound_high_p10", "ratio", "p10", "its 10th percentile over tokens"),
    Entry("policy/bound_high_p90", "ratio", "p90", "its 90th percentile over tokens"),
    Entry("policy/extreme_tokens", "tokens", "sum", "tokens with own |d| > log 1.5 and A * d > 0: those that a clip could stop", compact=True),
    Entry("policy/extreme_retained_tokens", "tokens", "sum", "extreme tokens that were not clipped", compact=True),
    Entry("policy/clipped_tokens", "tokens", "sum", "tokens whose gradient the clip removed", compact=True),
    Entry("policy/collateral_tokens", "tokens", "sum", "clipped tokens whose own ratio is inside the bound that clipped them", compact=True),
    Entry("optim/grad_norm", "norm", "last", "gradient norm before clipping to trainer.max_grad_norm", compact=True),
    Entry("optim/lr", "rate", "last", "learning rate of the step"),
)  # fmt: skip

SHARES = _rows(
    Share("policy/extreme_retained_frac", "share", "mean", "of extreme tokens, the share that was not clipped", "down", part="policy/extreme_retained_tokens", whole="policy/extreme_tokens"),
    Share("policy/collateral_clip_frac", "share", "mean", "of clipped tokens, the share whose own ratio is inside the bound that clipped them", "down", part="policy/collateral_tokens", whole="policy/clipped_tokens"),
)  # fmt: skip


def _part(name: str) -> Entry:
    """Return the entry of a reward in a weighted sum."""
    return Entry(
        f"{PART}{name}",
        "points",
        "mean",
        f"reward.also: reward {name} of a response, before its weight",
        "up",
    )


OPTION_KEYS = _rows(
    Entry("policy/capped_frac", "share", "mean", "term cispo: response tokens whose weight was capped; their gradient is kept"),
    Entry("policy/kl_reference", "nats", "mean", "objective.kl: the penalized estimate of KL(policy || base model) per token", "down"),
    Entry("policy/tis_weight_mean", "ratio", "mean", "objective.tis_cap: the trainer's probability of a token over the sampler's, capped", compact=True),
    Entry("policy/tis_capped_frac", "share", "mean", "objective.tis_cap: response tokens whose weight is at the cap"),
    Entry("policy/mis_masked_frac", "share", "mean", "objective.mis_cap: responses with weight 0, because the trainer's probabilities over the sampler's are too far from 1", "down", compact=True),
    Entry("rollout/mismatch_mean", "nats", "mean", "rollout.engine with weights of its own, tis_cap, mis_cap: |d| of a token, where d is the trainer's log-probability minus the sampler's", "down", compact=True),
    Entry("rollout/mismatch_max", "nats", "max", "... the largest |d| of the rollout", "down", compact=True),
    Entry("rollout/mismatch_frac", "share", "mean", f"... response tokens with |d| above {APART:g}", "down", compact=True),
    Entry("rollout/mismatch_kl", "nats", "mean", "... estimate of KL(sampler || trainer) per token: exp(d) - 1 - d", "down"),
    Entry("rollout/sampled_prompts", "prompts", "last", "rollout.resample: prompts that were sampled to fill the rollout"),
    Entry("rollout/unequal_prompt_frac", "share", "mean", "rollout.resample: share of the sampled prompts with unequal rewards", "up"),
    Entry("rollout/filled_prompts", "prompts", "last", "rollout.resample: prompts with equal rewards that filled up the rollout", "down"),
    Entry("reward/overlong_penalty", "points", "mean", "reward.overlong_buffer: reward that a response lost to its length", "down"),
    Entry("rollout/timeout_frac", "share", "mean", "reward math_verify: responses whose answer used up the grader's processor seconds", "down"),
    Entry("rollout/crashed_frac", "share", "mean", "reward math_verify: responses whose answer crashed the grader", "down"),
    Entry("rollout/second_answers", "responses", "last", "reward.second: responses that a second grader scored too"),
    Entry("rollout/grader_disagreement_frac", "share", "mean", "reward.second: share of those that one grader accepts and the other does not", "down"),
    *map(_part, REWARD_NAMES),
)  # fmt: skip
"""Logged only by runs that use the option."""

GLOSSARY: dict[str, Entry] = {**ROLLOUT_KEYS, **POLICY_KEYS, **SHARES, **OPTION_KEYS}


def entry_of(key: str) -> Entry | None:
    """Return the entry of a key, also for a user's own reward, or None for a key that no run may log."""
    own = key.removeprefix(PART)
    return GLOSSARY.get(key) or (_part(own) if own != key and OWN.fullmatch(own) else None)


TIMING_KEYS = _rows(
    Entry("seconds/rollout", "seconds", "last", "sampling responses"),
    Entry("seconds/reward", "seconds", "last", "decoding and scoring responses"),
    Entry("seconds/old_logp", "seconds", "last", "old log-probabilities, entropies and segments"),
    Entry("seconds/update", "seconds", "last", "all optimizer steps of the rollout"),
    Entry("seconds/evaluation", "seconds", "last", "held-out evaluation after the rollout"),
    Entry("seconds/checkpoint", "seconds", "last", "writing the checkpoint before the rollout"),
    Entry("speed/sampled_tokens", "tokens per second", "last", "response tokens over seconds of sampling"),
    Entry("speed/trained_tokens", "tokens per second", "last", "response tokens over seconds of optimizer steps"),
    Entry("memory/resident_peak", "GiB", "last", "peak resident memory of the trainer's process"),
    Entry("memory/device_peak", "GiB", "last", "peak memory that the trainer has allocated on its CUDA device, if any"),
)  # fmt: skip
