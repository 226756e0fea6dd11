"""The difference between the sampler's and the trainer's log-probabilities of sampled tokens, and its limits.

d = old_logp - sampler_logp of a token (nats): 0 if both compute the same. An engine with kernels of its own adds
rounding, about 1e-5 in float32 and 1e-2 in bfloat16; weights that were not synced cause tenths.
"""

from __future__ import annotations

import torch

from sspo.errors import UserError
from sspo.metrics import APART, Metric, observe

LIMITS = {"float32": 1e-4, "bfloat16": 0.05}
"""The |d| that rounding explains, by the precision of the model."""
RARE = 1e-3
"""Share of tokens that may exceed the limit: occasionally a token magnifies rounding (measured in float32: 4 of 116,133
tokens beyond 1e-4, the largest 1.6e-4, with a mean of 1.5e-7), while unsynced weights move most tokens.
"""
ROUNDING = 0.2
"""If the mean |d| exceeds this share of the limit, unsynced weights are the likelier cause (rounding measured: 2e-5 in
float32 and 0.05 in bfloat16 for a model of 30 layers, a hundredth of that for one of three).
"""


def mismatch_metrics(
    sampler_logp_BT: torch.Tensor, old_logp_BT: torch.Tensor, mask_BT: torch.Tensor
) -> dict[str, Metric]:
    """Return |d| over a rollout's tokens, and the k3 estimate of KL(sampler || trainer); null if a d is not finite."""
    d_BT = _apart(sampler_logp_BT, old_logp_BT, mask_BT)
    size_BT, tokens = d_BT.abs(), mask_BT.sum()
    beyond_BT = ~(size_BT <= APART)  # NaN is beyond every limit
    largest = size_BT.where(mask_BT, -float("inf")).max()
    return {
        "rollout/mismatch_mean": observe("rollout/mismatch_mean", size_BT.sum(), tokens),
        "rollout/mismatch_max": observe("rollout/mismatch_max", largest),
        "rollout/mismatch_frac": observe("rollout/mismatch_frac", beyond_BT.sum(), tokens),
        "rollout/mismatch_kl": observe("rollout/mismatch_kl", (d_BT.expm1() - d_BT).sum(), tokens),
    }


def parity_limit(parity: float | None, precision: str) -> float:
    """Return the |d| that a run allows: run.parity, or a value by the precision that the model computes in."""
    return LIMITS[precision] if parity is None else parity


def check_parity(
    sampler_logp_BT: torch.Tensor,
    old_logp_BT: torch.Tensor,
    mask_BT: torch.Tensor,
    *,
    limit: float,
    number: int,
) -> None:
    """Raise UserError if d exceeds `limit` at more than RARE of the tokens of rollout `number` (one in a small
    rollout), or one d is not finite.
    """
    size_N = _apart(sampler_logp_BT, old_logp_BT, mask_BT)[mask_BT].abs()
    if not len(size_N):
        return
    beyond, mean = int((~(size_N <= limit)).sum()), float(size_N.mean())
    endless = int((~size_N.isfinite()).sum())
    if not endless and beyond <= max(1, RARE * len(size_N)):
        return
    if endless:
        raise UserError(
            f"rollout {number}: sampler and trainer have no finite log-probability in common at {endless} of {len(size_N)} "
            "tokens: the engine's weights or the model's are damaged; if the model was finite, please report this error of sspo"
        )
    largest = float(size_N.max())
    said = (
        f"rollout {number}: the sampler's log-probabilities differ from the trainer's: by {largest:.3g} nats at most and "
        f"{mean:.3g} on average, above the limit of {limit:g} at {beyond} of {len(size_N)} tokens"
    )
    if mean > ROUNDING * limit:
        raise UserError(
            f"{said}: either its weights are not in sync with the model's, an error of sspo to report, or its kernels round more "
            f"than most, and run.parity={_above(largest)} allows that"
        )
    raise UserError(f"{said}: if the precision's rounding explains that, set run.parity={_above(largest)}")


def _apart(sampler_logp_BT: torch.Tensor, old_logp_BT: torch.Tensor, mask_BT: torch.Tensor) -> torch.Tensor:
    """Return d on the mask, 0 off it; NaN if both are -inf, because a sampled token has a probability."""
    return (old_logp_BT.double() - sampler_logp_BT.double()).where(mask_BT, 0.0)


def _above(value: float) -> str:
    """Return a number with one significant digit, clearly above the value."""
    return f"{float(f'{2.5 * value:.0e}'):g}"
