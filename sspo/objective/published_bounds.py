"""The clip bounds of published methods, one function each: a component, not always the whole method known by the name.

A multiplier is a factor of clip.low or clip.high; bounds are distances of the ratio from 1.
"""

from __future__ import annotations

import math

import torch

from sspo.config import ClipConfig
from sspo.objective.entropy_bounds import EntropyStats

WIDEST_RATIO = 10.0
"""DCPO clips every ratio to at most 10 (its code: the larger of 10 and the dual clip's constant)."""
TINY = 1e-15
"""Least distance from 1 of a probability in a binary divergence."""
NEWTON_STEPS = 20
"""Enough for a relative error of the bounds below 1e-6 wherever the threshold is between 1e-9 and 10 nats."""
OUT_OF_REACH = 1e-6
"""Log-ratio above that of probability 1 at which a bound stands that nothing reaches; beyond float32's rounding."""
LEAST_ENTROPY = 1e-8
"""HAPO takes logarithms of entropies clamped to at least this many nats (its code)."""


def dcpo_bounds(old_logp_BT: torch.Tensor, clip: ClipConfig) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (low_BT, high_BT) of the dynamic-adaptive clipping of DCPO (arXiv 2509.02333), distances of the ratio from
    1.

    With q, the token's probability when it was sampled,

        1/2 + 1/2 sqrt(max(1 - 4 lo / q, 0))  <=  r  <=  min(1/2 + 1/2 sqrt(1 + 4 hi / q), 10)

    lo = 0.16 and hi = 0.2 are the paper's. The lower bound is 1/2 wherever q <= 4 lo, so rare tokens may at most halve
    and may rise tenfold. The paper's other components (advantages smoothed over steps, its loss scale) are not
    implemented.
    """
    reciprocal_BT = (
        (-old_logp_BT).clamp(max=60.0).exp()
    )  # exp(60) is finite in float32 and far beyond the cap
    least_BT = 0.5 + 0.5 * (1 - 4 * clip.low * reciprocal_BT).clamp(min=0).sqrt()
    most_BT = (0.5 + 0.5 * (1 + 4 * clip.high * reciprocal_BT).sqrt()).clamp(max=WIDEST_RATIO)
    return 1 - least_BT, most_BT - 1


def hapo_multipliers(
    h_BT: torch.Tensor, alpha: float, stats: EntropyStats
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (factor of lo, factor of hi), each (B, T), of the asymmetric adaptive clipping of HAPO (arXiv 2509.16591).

    A token below the median entropy gets more room to fall, one above it more room to rise:

        lo_t = lo (1 - alpha h_t) where h_t <= 0,     hi_t = hi (1 + alpha h_t) where h_t > 0,     else lo, hi

    h_t is log H minus its median over the rollout, scaled to 1 at the largest and -1 at the smallest. lo = hi = 0.2 and
    alpha = 1 are the paper's. The released code divides by the (negative) smallest value including its sign, so that
    low entropies come out positive and never widen the lower bound; this function follows the formula, not that code.
    Like the paper, it does not divide by a mean. The paper's sampling temperatures, advantages and redistribution are
    not implemented.
    """
    assert stats.sorted_N is not None
    low_high = stats.sorted_N[0], stats.sorted_N[-1]
    least, most = (value.clamp(min=LEAST_ENTROPY).log() for value in low_high)
    middle = stats.sorted_N[round(0.5 * (len(stats.sorted_N) - 1))].clamp(min=LEAST_ENTROPY).log()
    centered_BT = h_BT.clamp(min=LEAST_ENTROPY).log() - middle
    up, down = most - middle, middle - least
    upward_BT = torch.where(up > 0, centered_BT / up.where(up > 0, 1.0), 0.0).clamp(min=0)
    downward_BT = torch.where(down > 0, -centered_BT / down.where(down > 0, 1.0), 0.0).clamp(min=0)
    return 1 + alpha * downward_BT, 1 + alpha * upward_BT


def espo_multiplier(h_BT: torch.Tensor, vocabulary: int) -> torch.Tensor:
    """Return H / log |V|, (B, T), the factor of lo and hi of entropy-adaptive clipping (ESPO, arXiv 2512.00499 equation
    8): the share of the largest possible entropy.

    h_BT is the mean entropy of each token's group, nats. Equation 8 has the token's entropy over the group's size, whose
    sum over the group is the mean that the text describes. The paper does not say whether |V| counts padding rows of an
    embedding; here it is the number of tokens.
    """
    return h_BT.clamp(min=0) / math.log(max(vocabulary, 2))


def gapo_multiplier(advantage_BT: torch.Tensor, group: int, clip: ClipConfig) -> torch.Tensor:
    """Return, (B,), the factor of hi of group-adaptive clipping (GAPO, arXiv 2609.00444):

        hi(c) = lo + (hi - lo) (k - c) / (k - 1)

    for a right response of a group with c right ones out of k, and lo for a wrong one, so that the rarer a right answer
    is, the further it may move. Right means A > 0, which is the paper's count for rewards of 0 and 1; a group that is
    right or wrong as a whole has no advantage. `group` consecutive rows share a prompt.
    """
    right_B = (advantage_BT > 0).any(1)
    count_P = right_B.view(-1, group).sum(1)
    rarity_B = ((group - count_P).to(advantage_BT.dtype) / max(group - 1, 1)).repeat_interleave(group)
    least = clip.low / clip.high
    return least + (1 - least) * torch.where(right_B, rarity_B, 0.0)


def position_multiplier(mask_BT: torch.Tensor, alpha: float, dtype: torch.dtype) -> torch.Tensor:
    """Return t^alpha, (B, T), t the 1-based position of a token in its response (CTPO, arXiv 2605.07331): the factor of
    bounds on a log-ratio that is pooled over the first t tokens.

    A sum of t terms spreads like t^0.5, the paper's alpha; a mean like t^-0.5.
    """
    return mask_BT.cumsum(1).clamp(min=1).to(dtype) ** alpha


def tv_bounds(old_logp_BT: torch.Tensor, clip: ClipConfig) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (lo / q, hi / q), q = exp(old_logp): the ratios at which |pi - q|, the total variation between the token and
    all others, reaches lo and hi (DPPO-Binary-TV, arXiv 2602.04879).

    Where lo exceeds q, a token has no lower bound. 0.15 and 0.15 are those of the authors' script.
    """
    reciprocal_BT = (-old_logp_BT).clamp(max=60.0).exp()
    return clip.low * reciprocal_BT, clip.high * reciprocal_BT


def kl_bounds(old_logp_BT: torch.Tensor, clip: ClipConfig) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the distances from 1 of the ratios pi / q at which KL(Bernoulli(q) || Bernoulli(pi)) reaches lo below 1 and
    hi above it, q = exp(old_logp) (DPPO-Binary-KL, arXiv 2602.04879).

    The divergence rises monotonically with the distance on either side, so clipping there is the paper's mask. 0.05 and
    0.05 are those of the authors' script.
    """
    log_q_BT = old_logp_BT.double().clamp(min=-60.0, max=-TINY)
    log_rest_BT = (-log_q_BT.expm1()).log()
    fallen_BT = _fallen(log_q_BT, log_rest_BT, clip.low)
    rest_BT = _fallen(log_rest_BT, log_q_BT, clip.high)  # pi rises as the rest falls
    risen_BT = torch.where(rest_BT < math.log(TINY), OUT_OF_REACH, (-rest_BT.exp()).log1p())
    low_BT = -(fallen_BT - log_q_BT).expm1()
    high_BT = (risen_BT - log_q_BT).expm1()
    return low_BT.to(old_logp_BT.dtype), high_BT.to(old_logp_BT.dtype)


def _fallen(log_q_BT: torch.Tensor, log_rest_BT: torch.Tensor, threshold: float) -> torch.Tensor:
    """Return x_BT < log q with KL(Bernoulli(q) || Bernoulli(exp(x))) = threshold; log_rest is log(1 - q).

    The divergence is convex in x, and the start, which leaves out a term that is never negative, lies beyond the root: from
    there Newton's steps approach it from one side.
    """
    q_BT, rest_BT = log_q_BT.exp(), log_rest_BT.exp()
    x_BT = log_q_BT - (threshold - rest_BT * log_rest_BT) / q_BT
    for _ in range(NEWTON_STEPS):
        pi_BT = x_BT.exp()
        excess_BT = q_BT * (log_q_BT - x_BT) + rest_BT * (log_rest_BT - (-pi_BT).log1p()) - threshold
        x_BT = x_BT - excess_BT * (1 - pi_BT) / (pi_BT - q_BT)
    return x_BT
