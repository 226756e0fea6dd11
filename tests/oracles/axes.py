"""The policy loss at any point of its product, in float64 with plain loops, and not from the code under test.

Ragged rows are lists: a row is a dict with logp, old, entropy, reference, sampler (nats, one a token), adv and seg (segment of
each token). Each token's share of the objective is a pair (value, slope): slope is its derivative by the token's own
log-probability with everything under a stop-gradient held fixed, so the gradient of the loss is a weighted list of slopes.
"""

from __future__ import annotations

import math
from itertools import accumulate
from statistics import fmean

VOCABULARY = 50
"""|V| in tests, the number of tokens that espo's bounds divide by."""
LARGEST_LOG_RATIO = 20
EVERY_TOKEN = math.inf
"""A dual clip that no ratio reaches."""


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


def pooled(values, row, objective):
    """Each token's mean or sum of the values of its unit, or of the values up to its own."""
    if objective.ratio == "prefix":
        sums, sizes = list(accumulate(values)), range(1, len(values) + 1)
    else:
        ids = unit(row, objective.ratio)
        sums = [math.fsum(x for x, j in zip(values, ids, strict=True) if j == i) for i in ids]
        sizes = [ids.count(i) for i in ids]
    found = sums if objective.pooling == "sum" else [x / n for x, n in zip(sums, sizes, strict=True)]
    return [min(max(x, -LARGEST_LOG_RATIO), LARGEST_LOG_RATIO) for x in found]


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
        if adapt == "sqrt":
            return (h + 0.01) ** alpha
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


def bernoulli_kl(q, p):
    """KL(Bernoulli(q) || Bernoulli(p)); infinite where p leaves out what q can draw."""
    drawn = q * math.log(q / p) if p > 0 else math.inf
    if q >= 1:
        return drawn
    return drawn + (1 - q) * math.log((1 - q) / (1 - p)) if p < 1 else math.inf


def ratio_at(q, divergence, end):
    """The ratio between 1 and `end` whose Bernoulli KL is the divergence, by halving."""
    near, far = 1.0, end
    for _ in range(100):
        middle = (near + far) / 2
        near, far = (middle, far) if bernoulli_kl(q, q * middle) < divergence else (near, middle)
    return near


def binary(q, clip, divergence):
    """(low, high) of a token that had probability q, under a bound on how far the probability itself moves."""
    if divergence == "binary_tv":
        return clip.low / q, clip.high / q
    return 1 - ratio_at(q, clip.low, 0.0), ratio_at(q, clip.high, 1 / q) - 1


def gapo(rows, clip, group):
    """(low, high) of every token: the rarer success is in its group, the wider the upper bound of a success."""
    found = []
    for i, row in enumerate(rows):
        first = i // group * group
        c = sum(other["adv"] > 0 for other in rows[first : first + group])
        share = (group - c) / (group - 1) if row["adv"] > 0 and group > 1 else 0.0
        found.append([(clip.low, clip.low + (clip.high - clip.low) * share)] * len(row["seg"]))
    return found


def position(row, objective):
    """(low, high, dual) of every token, whose logarithms grow as a power of its place in the response."""
    clip, places = objective.clip, range(1, len(row["seg"]) + 1)
    powers = [t**objective.bounds.alpha for t in places]
    dual = EVERY_TOKEN if clip.dual is None else clip.dual
    return [
        (1 - math.exp(-clip.low * x), math.exp(clip.high * x) - 1, math.exp(min(dual * x, 700)) - 1)
        for x in powers
    ]


def scaled(h_rows, clip, bounds):
    """(low, high) of every token: clip.low and clip.high times what the bounds make of an entropy."""
    if bounds.adapt == "espo":
        factors = [[h / math.log(VOCABULARY) for h in h_row] for h_row in h_rows]
    else:
        factors = g_of(h_rows, bounds.adapt, bounds.alpha)
    return [
        [
            (
                clip.low * (1 if bounds.side == "high" else g),
                clip.high * (1 if bounds.side == "low" else g),
            )
            for g in g_row
        ]
        for g_row in factors
    ]


def bounds_of(rows, objective, group=None, dealt=None):
    """(low, high, dual) of every token as the objective's clip states them; `dealt` is the entropy of shuffled bounds."""
    clip, bounds = objective.clip, objective.bounds
    dual = EVERY_TOKEN if clip.dual is None else clip.dual
    if bounds.adapt == "position":
        return [position(row, objective) for row in rows]
    if bounds.adapt in ("none", "dcpo", "binary_tv", "binary_kl"):
        of_token = {"none": lambda q: (clip.low, clip.high), "dcpo": lambda q: dcpo(q, clip)}.get(
            bounds.adapt, lambda q: binary(q, clip, bounds.adapt)
        )
        return [[(*of_token(math.exp(old)), dual) for old in row["old"]] for row in rows]
    if bounds.adapt == "gapo":
        pairs = gapo(rows, clip, group)
    else:
        h_rows = entropies(rows, bounds.entropy_level) if dealt is None else dealt
        pairs = hapo(h_rows, clip, bounds.alpha) if bounds.adapt == "hapo" else scaled(h_rows, clip, bounds)
    return [[(low, high, dual) for low, high in pair_row] for pair_row in pairs]


def sigmoid(x):
    """1 / (1 + exp(-x))."""
    return 1 / (1 + math.exp(-x))


def shares(row, bounds, objective):
    """(value, slope, clipped) of every token of a row before options."""
    a, d = row["adv"], log_ratios(row)
    if objective.term == "gmpo":
        flags = [(a > 0 and x > hi) or (a < 0 and x < -lo) for x, (lo, hi, _) in zip(d, bounds, strict=True)]
        held = [
            (hi if a > 0 else -lo) if f else x for f, x, (lo, hi, _) in zip(flags, d, bounds, strict=True)
        ]
        ratios = [math.exp(x) for x in pooled(held, row, objective)]
        return [(r * a, 0.0 if f else r * a, f) for r, f in zip(ratios, flags, strict=True)]
    ratios = [math.exp(x) for x in pooled(d, row, objective)]
    if objective.term in SOFT:
        return [
            SOFT[objective.term](r, a, logp, objective) for r, logp in zip(ratios, row["logp"], strict=True)
        ]
    if objective.term == "cispo":
        capped = [min(max(r, 1 - lo), 1 + hi) * a for r, (lo, hi, _) in zip(ratios, bounds, strict=True)]
        return [(w * logp, w, False) for w, logp in zip(capped, row["logp"], strict=True)]
    return [HARD[objective.term](r, a, bound, objective) for r, bound in zip(ratios, bounds, strict=True)]


def unclipped(r, a, logp, objective):
    """The surrogate without a clip."""
    return r * a, r * a, False


def sapo(r, a, logp, objective):
    """The surrogate behind a sigmoid gate."""
    tau = objective.tau.positive if a > 0 else objective.tau.negative
    gate = sigmoid(tau * (r - 1))
    return a * gate * 4 / tau, a * 4 * gate * (1 - gate) * r, False


def vespo(r, a, logp, objective):
    """The score weighed by the kernel of the pooled ratio."""
    kernel = objective.kernel
    k, lam = (
        (kernel.power_positive, kernel.decay_positive)
        if a >= 0
        else (kernel.power_negative, kernel.decay_negative)
    )
    weight = math.exp(k * math.log(r) + lam * (1 - r))
    return weight * a * logp, weight * a, False


def outside(r, a, bound):
    """ "high" or "low" if the ratio left its bound in the direction that the advantage pushes, else None."""
    if a > 0 and r > 1 + bound[1]:
        return "high"
    return "low" if a < 0 and r < 1 - bound[0] else None


def ppo(r, a, bound, objective):
    """The clipped surrogate, with a dual clip where the advantage is negative."""
    low, high, dual = bound
    if a < 0 and r > 1 + dual:
        return (1 + dual) * a, 0.0, True
    side = outside(r, a, bound)
    at = {"high": 1 + high, "low": 1 - low, None: r}[side]
    return at * a, 0.0 if side else r * a, side is not None


def masked(r, a, bound, objective):
    """The surrogate of the tokens that PPO does not clip, nothing of the others."""
    return (0.0, 0.0, True) if outside(r, a, bound) else (r * a, r * a, False)


def ce_gppo(r, a, bound, objective):
    """The surrogate that keeps part of the bound's own gradient outside the bound."""
    weight = {
        "high": objective.kept.high * (1 + bound[1]),
        "low": objective.kept.low * (1 - bound[0]),
        None: r,
    }[outside(r, a, bound)]
    return weight * a, weight * a, False


SOFT = {"unclipped": unclipped, "sapo": sapo, "vespo": vespo}
HARD = {"ppo": ppo, "masked": masked, "ce_gppo": ce_gppo}


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
        elif how == "token_sum":
            mine = [1 / n] * length
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
    bounds = bounds_of(rows, objective, group, dealt)
    weight = weights(rows, objective.aggregation, limit, group)
    for row, bound, w in zip(rows, bounds, weight, strict=True):
        found = with_options(row, shares(row, bound, objective), objective)
        loss -= sum(x * value for x, (value, _, _) in zip(w, found, strict=True))
        gradient.append([-x * slope for x, (_, slope, _) in zip(w, found, strict=True)])
        flags.append([flag for _, _, flag in found])
    return loss, gradient, flags
