"""Bounds at equal clipping: by hand, on rollouts that they were not read from, and with intervals that cover."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sspo.config import ClipConfig
from sspo.objective.critical import critical_scale, nearest_share, scale_at
from sspo.objective.variants import VARIANTS
from sspo.recording.ratios import critical_of_matched, visit_ratios
from sspo.replay.matching import clip_fraction, match, most, units
from sspo.replay.tally import tally
from tests.recording.examples import recorded_rollout


def test_critical_scales_by_hand():
    ratio = torch.tensor([[1.5, 0.6, 1.5, 0.6, 1.5]])
    advantage = torch.tensor([[1.0, 1.0, -1.0, -1.0, 0.0]])
    low, high = torch.full((1, 5), 0.2), torch.full((1, 5), 0.25)
    # A > 0 upward: .5 / .25; A > 0 downward: never; A < 0 upward: never; A < 0 downward: .4 / .2; A = 0: never
    wanted = [2.0, 0.0, 0.0, 2.0, 0.0]
    assert critical_scale(ratio.log(), advantage, low, high)[0].tolist() == pytest.approx(wanted, rel=1e-5)


def test_the_scale_of_a_target_by_hand():
    critical = torch.tensor([0.0, 0.0, 0.0, 1.0, 4.0, 0.0, 0.0, 0.0, 9.0, 0.0])
    assert scale_at(critical, 0.1) == pytest.approx(6)  # between 9 and 4: sqrt(36)
    assert scale_at(critical, 0.2) == pytest.approx(2)  # between 4 and 1
    assert scale_at(critical, 0.3) == pytest.approx(0.5)  # below 1 any scale does
    assert scale_at(critical, 0.4) is None  # only three tokens move towards their clip
    assert scale_at(critical, 0.01) is None  # a tenth of a token
    assert most([critical]) == pytest.approx(0.3)


def test_a_bound_of_zero_width_clips_at_every_scale():
    ratio = torch.tensor([[1.5, 1.0, 0.6, 0.6, 1.0, 1.5, 1.5]])
    advantage = torch.tensor([[1.0, 1.0, 1.0, -1.0, -1.0, -1.0, 0.0]])
    critical = critical_scale(ratio.log(), advantage, torch.zeros(1, 7), torch.zeros(1, 7))
    # upward with A > 0 and downward with A < 0 is beyond every bound; a ratio of 1 and the other side are inside all
    assert critical[0].tolist() == [math.inf, 0.0, 0.0, math.inf, 0.0, 0.0, 0.0]


def test_the_scale_of_a_target_beside_tokens_that_every_scale_clips():
    always = torch.tensor([math.inf, math.inf, 8.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    assert scale_at(always, 0.3) == pytest.approx(4)  # between 8 and 2
    assert scale_at(always, 0.2) == pytest.approx(16)  # the two alone: any scale from 8 up
    assert scale_at(always, 0.1) == pytest.approx(16)  # not to be separated
    assert (nearest_share(always, 0.1), nearest_share(always, 0.3)) == pytest.approx((0.2, 0.3))
    assert scale_at(torch.where(always > 8, always, 0.0), 0.2) == 1.0  # the others never clip
    assert nearest_share(torch.full((10,), math.inf), 0.2) is None


@given(seed=st.integers(0, 10_000), level=st.sampled_from(["token", "segment", "response"]))
@settings(max_examples=40, deadline=None)
def test_at_its_scale_the_tally_counts_the_target(seed, level):
    objective = replace(VARIANTS["sspo"], ratio=level, clip=ClipConfig(low=0.03, high=0.04))
    unit = replace(objective, clip=ClipConfig(low=1.0, high=1.0))
    recorded = recorded_rollout(seed, epochs=2)
    critical = critical_of_matched(visit_ratios(recorded, objective))
    found = match([critical], 0.25)
    if found is None:
        return
    counts = tally(visit_ratios(recorded, unit), [0.03 * found.scale], [0.04 * found.scale])
    late = {key: float(value[1:].sum()) for key, value in counts.items()}
    assert late["active_tokens"] == len(critical)
    clipped = late["clipped_low"] + late["clipped_high"]
    # tokens of one segment share a ratio, so a whole segment (at most nine tokens) may stand on the edge
    assert abs(clipped - 0.25 * len(critical)) <= 9.5


def clustered(rollouts, seed, tokens=400):
    """Critical scales whose level goes up and down by rollout, as drift does; half of the tokens never clip."""
    generator = torch.Generator().manual_seed(seed)
    level = (0.3 * torch.randn(rollouts, generator=generator)).exp()
    scales = torch.randn(rollouts, tokens, generator=generator).exp() * level[:, None]
    moving = torch.rand(rollouts, tokens, generator=generator) < 0.5
    return list(torch.where(moving, scales, 0.0))


def test_the_interval_covers_the_true_scale():
    truth = scale_at(torch.cat(clustered(4000, seed=1)), 0.05)
    covered = 0
    for seed in range(300):
        found = match(clustered(10, seed=1000 + seed), 0.05)
        covered += (found.low or 0) <= truth <= (found.high or math.inf)
    # nominal 95 %; 300 draws have a standard error of 1.3 points
    assert 0.91 <= covered / 300 <= 0.99


@pytest.mark.parametrize("target", [0.01, 0.05, 0.2])
def test_held_out_rollouts_meet_the_target_within_the_stated_error(target):
    misses = 0
    for seed in range(100):
        held_out = match(clustered(20, seed=seed), target).held_out
        misses += abs(held_out.value - target) > max(0.1 * target, 2 * held_out.se)
    assert misses <= 12  # about 5 % by chance; the standard error itself is estimated from ten rollouts


def test_the_unit_is_the_run_where_there_are_several_and_empty_rollouts_are_left_out():
    a, b, nothing = torch.ones(3), torch.zeros(2), torch.zeros(0)
    assert [len(unit) for unit in units([(0, a), (0, nothing), (0, b)])] == [3, 2]
    assert [len(unit) for unit in units([(0, a), (1, a), (0, b), (1, nothing)])] == [5, 3]
    assert match(units([(0, nothing)]), 0.1) is None


def test_runs_that_differ_widen_the_interval():
    generator = torch.Generator().manual_seed(7)
    truth = scale_at(torch.cat(clustered(4000, seed=1)), 0.05)
    covered = 0
    for seed in range(200):
        levels = (0.3 * torch.randn(4, generator=generator)).exp()
        runs = [(k, levels[k] * c) for k in range(4) for c in clustered(10, seed=4 * seed + k)]
        found = match(units(runs), 0.05)
        covered += (found.low or 0) <= truth <= (found.high or math.inf)
    assert covered / 200 >= 0.9  # runs shift the truth of the pool a little as well


def test_one_rollout_has_no_interval():
    found = match(clustered(1, seed=0), 0.05)
    assert (found.low, found.high, found.held_out) == (None, None, None)
    assert clip_fraction(clustered(1, seed=0), found.scale).se is None
