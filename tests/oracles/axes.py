"""The policy loss at any point of its product, in float64 with plain loops, and not from the code under test.

Ragged rows are lists: a row is a dict with logp, old, entropy, reference, sampler (nats, one a token), adv and seg (segment of
each token). Each token's share of the objective is a pair (value, slope): slope is its derivative by the token's own
log-probability with everything under a stop-gradient held fixed, so the gradient of the loss is a weighted list of slopes.
"""

from __future__ import annotations

import math
from statistics import fmean


def log_ratios(row):
    """d of every token."""
    return [a - b for a, b in zip(row["logp"], row["old"], strict=True)]


def unit(row, level):
    """What the level averages over, one id a token."""
    n = len(row["seg"])
    return {"token": list(range(n)), "segment": row["seg"], "response": [0] * n}[level]


def averaged(values, ids):
    """Each token's mean over the tokens of its id."""
    return [fmean(x for x, j in zip(values, ids, strict=True) if j == i) for i in ids]


def entropies(rows, level):
    """H of every token of every row, a list a row."""
    return [averaged(row["entropy"], unit(row, level)) for row in rows]


def g_of(h_rows, adapt, alpha):
    """g of every token, a list a row, divided by its mean over all tokens."""
    flat = [h for h_row in h_rows for h in h_row]
    mu = fmean(flat)
    sd = math.sqrt(fmean((h - mu) ** 2 for h in flat))

    def one(h):
        if adapt in ("tanh", "shuffled"):
            return 1 + alpha * math.tanh((h - mu) / sd) if sd > 0 else 1.0
        if adapt == "rank":
            midrank = (sum(x < h for x in flat) + sum(x == h for x in flat) / 2) / len(flat)
            return 1 + alpha * (2 * midrank - 1)
        g = min(max(h / mu, 1 - abs(alpha)), 1 + abs(alpha)) if mu > 0 else 1.0
        return g if alpha >= 0 else 2 - g

    mean = fmean(one(h) for h in flat)
    return [[one(h) / mean for h in h_row] for h_row in h_rows]


def hapo(h_rows, clip, alpha):
    """(low, high) of every token: median, largest and smallest log entropy of the rollout."""
    flat = sorted(math.log(max(h, 1e-8)) for h_row in h_rows for h in h_row)
    middle, top, bottom = flat[round((len(flat) - 1) / 2)], flat[-1], flat[0]

    def one(h):
        x = math.log(max(h, 1e-8)) - middle
        if x > 0:
            return clip.low, clip.high * (1 + alpha * x / (top - middle))
        return clip.low * (1 - alpha * x / (middle - bottom)) if x < 0 else clip.low, clip.high

    return [[one(h) for h in h_row] for h_row in h_rows]


def dcpo(q, clip):
    """(low, high) of a token that had probability q."""
    least = 0.5 + 0.5 * math.sqrt(max(1 - 4 * clip.low / q, 0))
    most = min(0.5 + 0.5 * math.sqrt(1 + 4 * clip.high / q), 10)
    return 1 - least, most - 1


def bounds_of(rows, objective, dealt=None):
    """(low, high) of every token as the objective's clip states them; `dealt` is the entropy of shuffled bounds."""
    clip, bounds = objective.clip, objective.bounds
    if bounds.adapt == "dcpo":
        return [[dcpo(math.exp(old), clip) for old in row["old"]] for row in rows]
    if bounds.adapt == "none":
        return [[(clip.low, clip.high) for _ in row["old"]] for row in rows]
    h_rows = entropies(rows, bounds.entropy_level) if dealt is None else dealt
    if bounds.adapt == "hapo":
        return hapo(h_rows, clip, bounds.alpha)
    scaled = []
    for g_row in g_of(h_rows, bounds.adapt, bounds.alpha):
        low = [clip.low * (1 if bounds.side == "high" else g) for g in g_row]
        high = [clip.high * (1 if bounds.side == "low" else g) for g in g_row]
        scaled.append(list(zip(low, high, strict=True)))
    return scaled


def sigmoid(x):
    """1 / (1 + exp(-x))."""
    return 1 / (1 + math.exp(-x))


def shares(row, bounds, objective):
    """(value, slope, clipped) of every token of a row before options."""
    a, d, ids = row["adv"], log_ratios(row), unit(row, objective.ratio)
    if objective.term == "gmpo":
        flags = [(a > 0 and x > hi) or (a < 0 and x < -lo) for x, (lo, hi) in zip(d, bounds, strict=True)]
        held = [(hi if a > 0 else -lo) if f else x for f, x, (lo, hi) in zip(flags, d, bounds, strict=True)]
        ratios = [math.exp(x) for x in averaged(held, ids)]
        return [(r * a, 0.0 if f else r * a, f) for r, f in zip(ratios, flags, strict=True)]
    found = []
    for t, x in enumerate(averaged(d, ids)):
        r, (lo, hi) = math.exp(x), bounds[t]
        if objective.term == "unclipped":
            found.append((r * a, r * a, False))
        elif objective.term == "cispo":
            weight = min(max(r, 1 - lo), 1 + hi)
            found.append((weight * a * row["logp"][t], weight * a, False))
        elif objective.term == "sapo":
            tau = objective.tau.positive if a > 0 else objective.tau.negative
            gate = sigmoid(tau * (r - 1))
            found.append((a * gate * 4 / tau, a * 4 * gate * (1 - gate) * r, False))
        else:
            clipped = (a > 0 and r > 1 + hi) or (a < 0 and r < 1 - lo)
            inside = min(max(r, 1 - lo), 1 + hi)
            found.append((min(r * a, inside * a), 0.0 if clipped else r * a, clipped))
    return found


def with_options(row, found, objective):
    """The shares with truncated and masked importance sampling and a KL penalty."""
    changed = []
    mean = fmean(o - s for o, s in zip(row["old"], row["sampler"], strict=True))
    outside = (
        objective.mis_cap is not None and not 1 / objective.mis_cap <= math.exp(mean) <= objective.mis_cap
    )
    for t, (value, slope, flag) in enumerate(found):
        if objective.tis_cap is not None:
            weight = min(math.exp(row["old"][t] - row["sampler"][t]), objective.tis_cap)
            value, slope = weight * value, weight * slope
        if outside:
            value, slope = 0.0, 0.0
        x = row["reference"][t] - row["logp"][t]
        kl, kl_slope = {"k1": (-x, 1), "k2": (x * x / 2, -x), "k3": (math.exp(x) - 1 - x, 1 - math.exp(x))}[
            objective.kl.estimator
        ]
        changed.append((value - objective.kl.coef * kl, slope - objective.kl.coef * kl_slope, flag))
    return changed


def weights(rows, how, limit, group):
    """What every token weighs in the sum that is the objective, a list a row."""
    n, tokens = len(rows), sum(len(row["seg"]) for row in rows)
    found = []
    for i, row in enumerate(rows):
        length = len(row["seg"])
        if how == "token_mean":
            mine = [1 / tokens] * length
        elif how == "group_token_mean":
            first = i // group * group
            of_group = sum(len(other["seg"]) for other in rows[first : first + group])
            mine = [1 / of_group / (n // group)] * length
        elif how == "response_mean":
            mine = [1 / length / n] * length
        elif how == "constant":
            mine = [1 / limit / n] * length
        else:
            sizes = [row["seg"].count(s) for s in row["seg"]]
            mine = [1 / size / len(set(row["seg"])) / n for size in sizes]
        found.append(mine)
    return found


def evaluate(rows, objective, limit, group=None, dealt=None):
    """(loss, gradient a token, clipped flag a token), the last two a list a row."""
    loss, gradient, flags = 0.0, [], []
    bounds = bounds_of(rows, objective, dealt)
    weight = weights(rows, objective.aggregation, limit, group)
    for row, bound, w in zip(rows, bounds, weight, strict=True):
        found = with_options(row, shares(row, bound, objective), objective)
        loss -= sum(x * value for x, (value, _, _) in zip(w, found, strict=True))
        gradient.append([-x * slope for x, (_, slope, _) in zip(w, found, strict=True)])
        flags.append([flag for _, _, flag in found])
    return loss, gradient, flags
