"""The rows of 2026 from their papers' equations, written as those of papers.py are."""

from __future__ import annotations

import math
from statistics import fmean

from tests.oracles.axes import VOCABULARY, log_ratios
from tests.oracles.surrogates import centered, over_tokens, ppo, standardized, total


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


PAPERS_OF_2026 = (lpo, espo, vespo, luspo, dppo_tv, dppo_kl, gapo, ctpo, ce_gppo)
