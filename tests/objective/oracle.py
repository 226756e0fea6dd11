"""The policy loss in float64 numpy with plain loops, written from the papers and not from the code under test.

Ragged rows are lists: a row is a dict with logp, old, entropy (nats, one a token), adv and seg (segment of each token).
"""

from __future__ import annotations

import math


def ratio_of(row, t, level):
    """Importance ratio of token t: its own, its segment's mean, or the response's mean (in log space)."""
    d = [a - b for a, b in zip(row["logp"], row["old"], strict=True)]
    if level == "token":
        return math.exp(d[t])
    if level == "segment":
        d = [x for x, s in zip(d, row["seg"], strict=True) if s == row["seg"][t]]
    return math.exp(sum(d) / len(d))


def token_entropies(rows, level):
    """H of every token of every row: its own entropy or the mean of its segment."""
    out = []
    for row in rows:
        for t, segment in enumerate(row["seg"]):
            same = [h for h, s in zip(row["entropy"], row["seg"], strict=True) if s == segment]
            out.append(row["entropy"][t] if level == "token" else sum(same) / len(same))
    return out


def scales(rows, bounds):
    """g of every token, flat, divided by its token-weighted mean."""
    if bounds.adapt == "none":
        return [1.0] * sum(len(row["seg"]) for row in rows)
    h = token_entropies(rows, bounds.entropy_level)
    mu = sum(h) / len(h)
    sd = math.sqrt(sum((x - mu) ** 2 for x in h) / len(h))
    if bounds.adapt == "tanh":
        g = [1 + bounds.alpha * math.tanh((x - mu) / sd) if sd > 0 else 1.0 for x in h]
    else:
        top, bottom = 1 + abs(bounds.alpha), 1 - abs(bounds.alpha)
        g = [min(max(x / mu, bottom), top) if mu > 0 else 1.0 for x in h]
        g = [2 - x for x in g] if bounds.alpha < 0 else g
    mean = sum(g) / len(g)
    return [x / mean for x in g]


def loss(rows, objective, limit):
    """(loss, one flag a token: is its gradient removed). `limit` is the token limit of a response."""
    g = iter(scales(rows, objective.bounds))
    per_row, flags = [], []
    for row in rows:
        terms = []
        for t in range(len(row["seg"])):
            r, a, scale = ratio_of(row, t, objective.ratio), row["adv"], next(g)
            lo = objective.clip.low * (1 if objective.bounds.side == "high" else scale)
            hi = objective.clip.high * (1 if objective.bounds.side == "low" else scale)
            if objective.term == "unclipped":
                terms.append(r * a)
                flags.append(False)
            else:
                terms.append(min(r * a, min(max(r, 1 - lo), 1 + hi) * a))
                flags.append((a > 0 and r > 1 + hi) or (a < 0 and r < 1 - lo))
        per_row.append(terms)
    return -aggregate(rows, per_row, objective.aggregation, limit), flags


def aggregate(rows, per_row, how, limit):
    """Per-token terms to one number."""
    n = len(rows)
    if how == "token_mean":
        return sum(map(sum, per_row)) / sum(map(len, per_row))
    if how == "response_mean":
        return sum(sum(terms) / len(terms) for terms in per_row) / n
    if how == "constant":
        return sum(sum(terms) / limit for terms in per_row) / n
    total = 0.0
    for row, terms in zip(rows, per_row, strict=True):
        means = []
        for segment in sorted(set(row["seg"])):
            mine = [x for x, s in zip(terms, row["seg"], strict=True) if s == segment]
            means.append(sum(mine) / len(mine))
        total += sum(means) / len(means)
    return total / n
