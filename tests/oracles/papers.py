"""Every named variant from its paper's equation, constants included: rewards and log-probabilities in, loss and gradient out.

One function a paper, float64, plain loops; nothing is shared with the package, and of axes.py only what is no choice (means,
sigmoid). groups is a list of prompts, each a list of rows (dicts as in axes.py, with a reward). A paper gives each token
(value, slope) and a weight; slope is the derivative by the token's log-probability with stop-gradients held.
"""

from __future__ import annotations

import math
from statistics import fmean, pvariance

from tests.oracles.axes import averaged, log_ratios, sigmoid
from tests.oracles.papers_2026 import PAPERS_OF_2026
from tests.oracles.surrogates import (
    centered,
    over_tokens,
    per_response,
    ppo,
    standardized,
    token_level,
    total,
)


def grpo(groups, limit):
    """2402.03300: equation 3 without the KL term; epsilon .2."""
    return total(groups, map(standardized, groups), token_level(0.2, 0.2), per_response(groups))


def no_clip(groups, limit):
    """The same without a clip."""

    def tokens(row, a):
        return [(math.exp(d) * a, math.exp(d) * a) for d in log_ratios(row)]

    return total(groups, map(standardized, groups), tokens, per_response(groups))


def dapo(groups, limit):
    """2503.14476 with one token mean over the batch, as frameworks have it; .2 and .28."""
    return total(groups, map(standardized, groups), token_level(0.2, 0.28), over_tokens(groups))


def dapo_group(groups, limit):
    """2503.14476 equation 8: the token mean of each prompt's group, averaged over prompts."""
    weight = [[1 / sum(len(row["old"]) for row in group) / len(groups)] * len(group) for group in groups]
    return total(groups, map(standardized, groups), token_level(0.2, 0.28), weight)


def dr_grpo(groups, limit):
    """2503.20783: no std, and a constant in place of the length."""
    n = sum(map(len, groups))
    weight = [[1 / limit / n] * len(group) for group in groups]
    return total(groups, centered(groups), token_level(0.2, 0.2), weight)


def gspo(groups, limit):
    """2507.18071: s_i = exp(mean_t d_t), clipped once a response; 3e-4 and 4e-4. ds/dlogp_t = s / |o|."""
    n = sum(map(len, groups))
    loss, gradient = 0.0, []
    for group in groups:
        for row, a in zip(group, standardized(group), strict=True):
            value, slope = ppo(math.exp(fmean(log_ratios(row))), a, 3e-4, 4e-4)
            loss -= value / n
            gradient.append([-slope / len(row["old"]) / n] * len(row["old"]))
    return loss, gradient


def cispo(groups, limit):
    """2506.13585: weights capped at 5 and with no lower bound, one token mean over the batch."""

    def tokens(row, a):
        capped = [min(math.exp(d), 5.0) for d in log_ratios(row)]
        return [(w * a * logp, w * a) for w, logp in zip(capped, row["logp"], strict=True)]

    return total(groups, map(standardized, groups), tokens, over_tokens(groups))


def gmpo(groups, limit):
    """2507.20673: (prod_t min(rho^s, clip(rho, e^-.4, e^.4)^s)^s)^(1/|o|) A, with s the sign of A."""
    n = sum(map(len, groups))
    loss, gradient = 0.0, []
    for group in groups:
        for row, a in zip(group, standardized(group), strict=True):
            s = (a > 0) - (a < 0)
            if s == 0:
                gradient.append([0.0] * len(row["old"]))
                continue
            rho = [math.exp(d) for d in log_ratios(row)]
            held = [min(x**s, min(max(x, math.exp(-0.4)), math.exp(0.4)) ** s) ** s for x in rho]
            ratio = math.prod(held) ** (1 / len(rho))
            loss -= ratio * a / n
            moves = [x * s < math.exp(0.4) if s > 0 else x > math.exp(-0.4) for x in rho]
            gradient.append([-ratio * a * moving / len(rho) / n for moving in moves])
    return loss, gradient


def sapo(groups, limit):
    """2511.20347: sigmoid(tau (r - 1)) 4 / tau, tau 1 where A > 0 and 1.05 elsewhere."""

    def tokens(row, a):
        tau, pairs = (1.0 if a > 0 else 1.05), []
        for d in log_ratios(row):
            gate = sigmoid(tau * (math.exp(d) - 1))
            pairs.append((4 / tau * gate * a, 4 * gate * (1 - gate) * math.exp(d) * a))
        return pairs

    return total(groups, map(standardized, groups), tokens, per_response(groups))


def rloo(groups, limit):
    """2402.14740's leave-one-out advantage under the token-level PPO loss of verl, SkyRL and OpenRLHF."""
    advantages = []
    for group in groups:
        rewards = [row["reward"] for row in group]
        others = [
            fmean(rewards[:i] + rewards[i + 1 :]) if len(group) > 1 else r for i, r in enumerate(rewards)
        ]
        advantages.append([r - b for r, b in zip(rewards, others, strict=True)])
    return total(groups, advantages, token_level(0.2, 0.2), over_tokens(groups))


def whitened(groups, baselines):
    """(r - baseline) standardized over every token of the batch."""
    left = [[row["reward"] - b for row in group] for group, b in zip(groups, baselines, strict=True)]
    if len({x for group in left for x in group}) == 1:
        return [[0.0] * len(group) for group in groups]
    tokens = [
        x
        for group, xs in zip(groups, left, strict=True)
        for row, x in zip(group, xs, strict=True)
        for _ in row["old"]
    ]
    mean, sd = fmean(tokens), math.sqrt(max(pvariance(tokens), 1e-8))
    return [[(x - mean) / sd for x in xs] for xs in left]


def reinforce_pp(groups, limit):
    """2501.03262v9 without its KL reward: rewards standardized over the batch."""
    return total(groups, whitened(groups, [0.0] * len(groups)), token_level(0.2, 0.2), over_tokens(groups))


def reinforce_pp_baseline(groups, limit):
    """The same after taking the group's mean away."""
    means = [fmean(row["reward"] for row in group) for group in groups]
    return total(groups, whitened(groups, means), token_level(0.2, 0.2), over_tokens(groups))


def dcpo_clip(groups, limit):
    """2509.02333: bounds from the old probability, .16 and .2, ratios below 10."""

    def tokens(row, a):
        pairs = []
        for d, old in zip(log_ratios(row), row["old"], strict=True):
            q = math.exp(old)
            least = 0.5 + 0.5 * math.sqrt(max(1 - 4 * 0.16 / q, 0))
            most = min(0.5 + 0.5 * math.sqrt(1 + 4 * 0.2 / q), 10)
            pairs.append(ppo(math.exp(d), a, 1 - least, most - 1))
        return pairs

    return total(groups, map(standardized, groups), tokens, per_response(groups))


def hapo_clip(groups, limit):
    """2509.16591: .2 (1 - h) below where h <= 0, .2 (1 + h) above where h > 0."""
    logs = sorted(math.log(max(x, 1e-8)) for group in groups for row in group for x in row["entropy"])
    middle = logs[round((len(logs) - 1) / 2)]
    largest, smallest = logs[-1] - middle, logs[0] - middle

    def tokens(row, a):
        pairs = []
        for d, entropy in zip(log_ratios(row), row["entropy"], strict=True):
            x = math.log(max(entropy, 1e-8)) - middle
            h = x / largest if x > 0 else (-x / smallest if x < 0 else 0.0)
            pairs.append(ppo(math.exp(d), a, 0.2 * (1 - min(h, 0)), 0.2 * (1 + max(h, 0))))
        return pairs

    return total(groups, map(standardized, groups), tokens, over_tokens(groups))


def sspo(groups, limit, shape=lambda z: 1 + 0.5 * math.tanh(z)):
    """Our reading of 2511.04256: ratios, clip and entropy by subsentence, .05 times a g of mean one on either side."""
    rows = [row for group in groups for row in group]
    h_of = {id(row): averaged(row["entropy"], row["seg"]) for row in rows}
    flat = [h for h_row in h_of.values() for h in h_row]
    mu, sd = fmean(flat), math.sqrt(pvariance(flat))

    def g(h):
        return shape((h - mu) / sd if sd > 0 else 0.0)

    mean = fmean(g(h) for h in flat)

    def tokens(row, a):
        pairs = []
        for x, h in zip(averaged(log_ratios(row), row["seg"]), h_of[id(row)], strict=True):
            bound = 0.05 * g(h) / mean
            pairs.append(ppo(math.exp(x), a, bound, bound))
        return pairs

    return total(groups, map(standardized, groups), tokens, per_response(groups))


def sspo_fixed(groups, limit):
    """The same with g = 1."""
    return sspo(groups, limit, lambda z: 1.0)


def sspo_reversed(groups, limit):
    """The same with bounds that are tight where entropy is high."""
    return sspo(groups, limit, lambda z: 1 - 0.5 * math.tanh(z))


PAPERS = {
    function.__name__: function
    for function in (
        grpo,
        no_clip,
        dapo,
        dapo_group,
        dr_grpo,
        gspo,
        cispo,
        gmpo,
        sapo,
        rloo,
        reinforce_pp,
        reinforce_pp_baseline,
        dcpo_clip,
        hapo_clip,
        sspo,
        sspo_fixed,
        sspo_reversed,
        *PAPERS_OF_2026,
    )
}
