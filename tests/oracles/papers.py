"""Every named variant from its paper's equation, constants included: rewards and log-probabilities in, loss and gradient out.

One function a paper, float64, plain loops; nothing is shared with the package, and of axes.py only what is no choice (means,
sigmoid). groups is a list of prompts, each a list of rows (dicts as in axes.py, with a reward). A paper gives each token
(value, slope) and a weight; slope is the derivative by the token's log-probability with stop-gradients held.
"""

from __future__ import annotations

import math
from statistics import fmean, pvariance, stdev

from tests.oracles.axes import VOCABULARY, averaged, log_ratios, sigmoid


def standardized(group):
    """Group advantages of GRPO: (r - mean) / (std + 1e-6); zero where all are equal."""
    rewards = [row["reward"] for row in group]
    if len(set(rewards)) == 1:
        return [0.0] * len(group)
    return [(r - fmean(rewards)) / (stdev(rewards) + 1e-6) for r in rewards]


def ppo(r, a, lo, hi):
    """(value, slope) of the clipped surrogate at ratio r."""
    clipped = (a > 0 and r > 1 + hi) or (a < 0 and r < 1 - lo)
    return min(r * a, min(max(r, 1 - lo), 1 + hi) * a), 0.0 if clipped else r * a


def token_level(lo, hi):
    """Tokens of a response under PPO's clip of their own ratios."""
    return lambda row, a: [ppo(math.exp(d), a, lo, hi) for d in log_ratios(row)]


def per_response(groups):
    """1/|o_i|, averaged over responses."""
    n = sum(map(len, groups))
    return [[1 / len(row["old"]) / n for row in group] for group in groups]


def centered(groups):
    """Advantages without a std: r - mean of the group."""
    return [[row["reward"] - fmean(r["reward"] for r in group) for row in group] for group in groups]


def over_tokens(groups):
    """1 / all tokens of the batch."""
    tokens = sum(len(row["old"]) for group in groups for row in group)
    return [[1 / tokens for _ in group] for group in groups]


def total(groups, advantages, tokens, weight_rows):
    """(loss, gradient): minus the weighted sum of values, and of slopes."""
    loss, gradient = 0.0, []
    for group, a_group, w_group in zip(groups, advantages, weight_rows, strict=True):
        for row, a, w in zip(group, a_group, w_group, strict=True):
            pairs = tokens(row, a)
            loss -= w * sum(value for value, _ in pairs)
            gradient.append([-w * slope for _, slope in pairs])
    return loss, gradient


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


def segments_of(row):
    """The positions of each segment's tokens, which need not be neighbors."""
    return [[t for t, j in enumerate(row["seg"]) if j == i] for i in sorted(set(row["seg"]))]


def lpo(groups, limit):
    """2510.22115 section 4.2.2: 1 / sum|y_i| sum_i sum_k |s_ik| min(r_ik A, clip(r_ik, .97, 1.03) A), r_ik differentiated."""
    loss, gradient = 0.0, []
    for group in groups:
        tokens = sum(len(row["old"]) for row in group)
        for row, a in zip(group, standardized(group), strict=True):
            d, of_row = log_ratios(row), [0.0] * len(row["old"])
            for segment in segments_of(row):
                value, slope = ppo(math.exp(fmean(d[t] for t in segment)), a, 0.03, 0.03)
                loss -= len(segment) * value / tokens / len(groups)
                for t in segment:  # d r_ik / d logp_t = r_ik / |s_ik|
                    of_row[t] = -len(segment) * (slope / len(segment)) / tokens / len(groups)
            gradient.append(of_row)
    return loss, gradient


def espo(groups, limit):
    """2512.00499 equations 5 to 10: groups of tokens by `seg`, bounds .02 / log|V| times the group's mean entropy.

    Equation 9 with sg[pi] below, as GSPO-token has it; advantages of the whole group, not of its successes.
    """
    n = sum(map(len, groups))
    loss, gradient = 0.0, []
    for group in groups:
        for row, a in zip(group, standardized(group), strict=True):
            d, of_row, taus = log_ratios(row), [0.0] * len(row["old"]), segments_of(row)
            for tau in taus:
                bound = 0.02 / math.log(VOCABULARY) * fmean(row["entropy"][t] for t in tau)
                value, slope = ppo(math.exp(fmean(d[t] for t in tau)), a, bound, bound)
                for t in tau:
                    loss -= value / len(tau) / len(taus) / n
                    of_row[t] = -slope / len(tau) / len(taus) / n
            gradient.append(of_row)
    return loss, gradient


def vespo(groups, limit):
    """2602.10693 appendix I: -sg(W^c1 exp(c2 (1 - W))) A logp, W the product over the response; (2, 3) if A >= 0, else (3, 2)."""

    def tokens(row, a):
        c1, c2 = (2.0, 3.0) if a >= 0 else (3.0, 2.0)
        log_w = math.fsum(log_ratios(row))
        phi = math.exp(c2 + c1 * log_w - c2 * math.exp(log_w))
        return [(phi * a * logp, phi * a) for logp in row["logp"]]

    return total(groups, centered(groups), tokens, over_tokens(groups))


def luspo(groups, limit):
    """2602.05261: GSPO's term of each response times its length; 2e-3 and 2.5e-3."""
    n = sum(map(len, groups))
    loss, gradient = 0.0, []
    for group in groups:
        for row, a in zip(group, standardized(group), strict=True):
            length = len(row["old"])
            value, slope = ppo(math.exp(fmean(log_ratios(row))), a, 2e-3, 2.5e-3)
            loss -= length * value / n
            gradient.append([-length * (slope / length) / n] * length)
    return loss, gradient


def dppo(groups, limit, divergence, delta):
    """2602.04879: M r A, M zero where the ratio leaves 1 the way that A pushes and the divergence exceeds delta."""

    def tokens(row, a):
        pairs = []
        for logp, old in zip(row["logp"], row["old"], strict=True):
            pi, mu = math.exp(logp), math.exp(old)
            leaves = (a > 0 and pi > mu) or (a < 0 and pi < mu)
            kept = 0.0 if leaves and divergence(mu, pi) > delta else pi / mu * a
            pairs.append((kept, kept))
        return pairs

    n = sum(map(len, groups))
    return total(groups, centered(groups), tokens, [[1 / limit / n] * len(group) for group in groups])


def dppo_tv(groups, limit):
    """The same by the total variation of the sampled token against all others, .15."""
    return dppo(groups, limit, lambda mu, pi: abs(mu - pi), 0.15)


def dppo_kl(groups, limit):
    """The same by the KL divergence of the sampled token against all others, .05."""

    def kl(mu, pi):
        return mu * math.log(mu / pi) + (1 - mu) * math.log((1 - mu) / (1 - pi))

    return dppo(groups, limit, kl, 0.05)


def gapo(groups, limit):
    """2609.00444 equation 11 on GSPO's ratio: 3e-3 below, 3e-3 + 2e-3 (k - c) / (k - 1) above, c successes of k; no std."""
    n = sum(map(len, groups))
    loss, gradient = 0.0, []
    for group, advantages in zip(groups, centered(groups), strict=True):
        k, c = len(group), sum(a > 0 for a in advantages)
        for row, a in zip(group, advantages, strict=True):
            high = 3e-3 + (5e-3 - 3e-3) * (k - c) / (k - 1) if a > 0 else 3e-3
            value, slope = ppo(math.exp(fmean(log_ratios(row))), a, 3e-3, high)
            loss -= value / n
            gradient.append([-slope / len(row["old"]) / n] * len(row["old"]))
    return loss, gradient


def ctpo(groups, limit):
    """2605.07331, length-adaptive with the product up to the token: log bounds -.025 t^.5 and .05 t^.5, dual clip .05 t^.5."""

    def tokens(row, a):
        pairs, log_ratio = [], 0.0
        for t, d in enumerate(log_ratios(row), start=1):
            log_ratio += d
            low, high, dual = -0.025 * t**0.5, 0.05 * t**0.5, 0.05 * t**0.5
            surrogate = math.exp(log_ratio) * a
            held = min(surrogate, math.exp(min(max(log_ratio, low), high)) * a)
            if a < 0:
                held = max(held, math.exp(dual) * a)
            pairs.append((held, surrogate if held == surrogate else 0.0))
        return pairs

    return total(groups, map(standardized, groups), tokens, over_tokens(groups))


def ce_gppo(groups, limit):
    """2509.20712: outside .2 / .2, beta (1 -+ .2) / sg(r) r A with beta .75 below and 1 above."""

    def tokens(row, a):
        pairs = []
        for d in log_ratios(row):
            r = math.exp(d)
            if a < 0 and r < 1 - 0.2:
                r = 0.75 * (1 - 0.2)
            elif a > 0 and r > 1 + 0.2:
                r = 1.0 * (1 + 0.2)
            pairs.append((r * a, r * a))
        return pairs

    return total(groups, map(standardized, groups), tokens, over_tokens(groups))


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
        lpo,
        espo,
        vespo,
        luspo,
        dppo_tv,
        dppo_kl,
        gapo,
        ctpo,
        ce_gppo,
    )
}
