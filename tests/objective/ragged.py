"""Ragged rows for tests: hypothesis strategies, and padding into the tensors that policy_loss takes."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from hypothesis import strategies as st

from sspo.objective.context import whole_batch
from tests.oracles.axes import VOCABULARY

LENGTHS = st.integers(1, 9)


def off_ties(numbers):
    """Log-ratios with no mean or sum at a bound, except where all are zero.

    Hypothesis finds bounds by their round numbers, and sums that cancel; there a rounding decides the side of a bound, and no
    gradient is defined.
    """
    return [0.98 * x + 1e-4 * math.sqrt(t + 2) if x else 0.0 for t, x in enumerate(numbers)]


@st.composite
def segments(draw, n):
    """The segment of each of n tokens, 0 to S - 1 without gaps: runs of tokens, or in any order as a rule over entropies has them."""
    seg = [0]
    for step in draw(st.lists(st.integers(0, 1), min_size=n - 1, max_size=n - 1)):
        seg.append(seg[-1] + step)
    return draw(st.permutations(seg)) if draw(st.booleans()) else seg


@st.composite
def ragged_rows(draw, min_rows=1, max_rows=4):
    """Rows with log-ratios in +-1 nat, any entropies, any advantages (zero too) and any segments."""
    rows = []
    for _ in range(draw(st.integers(min_rows, max_rows))):
        n = draw(LENGTHS)
        numbers = st.lists(st.floats(-1, 1), min_size=n, max_size=n)
        old = [x - 2 for x in draw(numbers)]
        rows.append(
            {
                "old": old,
                "logp": [o + d for o, d in zip(old, off_ties(draw(numbers)), strict=True)],
                "entropy": [abs(x) * 2 for x in draw(numbers)],
                "reference": [o + d for o, d in zip(old, draw(numbers), strict=True)],
                "sampler": [o + d for o, d in zip(old, draw(numbers), strict=True)],
                "adv": draw(st.sampled_from([-1.5, -0.5, 0.0, 0.7, 2.0])),
                "reward": draw(st.sampled_from([0.0, 0.25, 1.0])),
                "seg": list(draw(segments(n))),
            }
        )
    return rows


def tensors(rows, width=None, dtype=torch.float64):
    """(logp, old_logp, advantage, mask, segment_id, entropy), right-padded with values that must not matter."""
    width = width or max(len(row["seg"]) for row in rows)

    def pad(values, fill):
        return [*values, *[fill] * (width - len(values))]

    return (
        torch.tensor([pad(row["logp"], -7.0) for row in rows], dtype=dtype),
        torch.tensor([pad(row["old"], 3.0) for row in rows], dtype=dtype),
        torch.tensor([[row["adv"]] * width for row in rows], dtype=dtype),
        torch.tensor([pad([True] * len(row["seg"]), False) for row in rows]),
        torch.tensor([pad(row["seg"], -1) for row in rows]),
        torch.tensor([pad(row["entropy"], 99.0) for row in rows], dtype=dtype),
    )


@st.composite
def prompts(draw, max_prompts=3, max_group=3):
    """Prompts with equally many responses, as ragged rows."""
    group = draw(st.integers(1, max_group))
    rows = st.integers(1, max_prompts).flatmap(lambda p: ragged_rows(min_rows=p * group, max_rows=p * group))
    found = draw(rows)
    return [found[i : i + group] for i in range(0, len(found), group)]


def context_of(rows, objective, group=None, seed=0, dtype=torch.float64):
    """The whole batch's context, with the log-probabilities that options ask for."""
    _, _, advantage, mask, segment_id, entropy = tensors(rows, dtype=dtype)
    columns = {"advantage_BT": advantage, "group": group, "vocabulary": VOCABULARY}
    context = whole_batch(mask, segment_id, entropy, objective, **columns, seed=seed)

    def padded(key):
        width = mask.shape[1]
        return torch.tensor([[*row[key], *[5.0] * (width - len(row[key]))] for row in rows], dtype=dtype)

    extras = replace(context.extras, reference_logp_BT=padded("reference"), sampler_logp_BT=padded("sampler"))
    return replace(context, extras=extras)
