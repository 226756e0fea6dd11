"""How far sampler and trainer are apart: by hand, in runs, and refused in one sentence where it is too far."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

import sspo.rollout
from sspo.compose.fast import quick_compose
from sspo.console.progress import Progress
from sspo.errors import UserError
from sspo.runs.tracking import NoTracker
from sspo.trainer.loop import Trainer
from sspo.trainer.mismatch import check_parity, mismatch_metrics, parity_limit
from tests.rollout.test_engine import Apart
from tests.trainer.runs import BARELY_SCORED, TINY, lines

OLD = torch.tensor([[-1.0, -2.0, -0.5], [-3.0, 7.0, 7.0]])
SAMPLER = torch.tensor([[-1.0, -2.02, -0.496], [-3.1, 99.0, float("nan")]])
MASK = torch.tensor([[True, True, True], [True, False, False]])
NAN, NEVER = float("nan"), -float("inf")


def test_metrics_by_hand():
    found = {key: metric.value() for key, metric in mismatch_metrics(SAMPLER, OLD, MASK).items()}
    # d = 0, .02, -.004, .1: mean |d| .124 / 4, two of four above .01; what lies off the mask says nothing
    assert found["rollout/mismatch_mean"] == pytest.approx(0.031, abs=1e-6)
    assert found["rollout/mismatch_max"] == pytest.approx(0.1, abs=1e-6)
    assert found["rollout/mismatch_frac"] == 0.5
    # exp(d) - 1 - d: 0, .00020134, .00000799, .00517092; sum .00538025
    assert found["rollout/mismatch_kl"] == pytest.approx(0.00538025 / 4, rel=1e-3)


@pytest.mark.parametrize("value", [NAN, NEVER])
def test_what_is_not_finite_is_null_and_beyond_every_limit(value):
    sampler = SAMPLER.clone()
    sampler[0, 0] = value
    found = {key: metric.value() for key, metric in mismatch_metrics(sampler, OLD, MASK).items()}
    assert (
        found["rollout/mismatch_mean"]
        is found["rollout/mismatch_max"]
        is found["rollout/mismatch_kl"]
        is None
    )
    assert found["rollout/mismatch_frac"] == 0.75
    with pytest.raises(UserError, match=r"rollout 3: .* at 1 of 4 tokens"):
        check_parity(sampler, OLD, MASK, limit=10.0, number=3)
    with pytest.raises(UserError, match="no finite log-probability"):  # both -inf: no token that was sampled
        check_parity(torch.full((1, 1), value), torch.full((1, 1), value), MASK[:1, :1], limit=10.0, number=0)


def test_a_rollout_without_a_token_passes_and_has_no_mismatch():
    check_parity(SAMPLER, OLD, torch.zeros_like(MASK), limit=1e-4, number=0)
    assert all(m.value() is None for m in mismatch_metrics(SAMPLER, OLD, torch.zeros_like(MASK)).values())


@pytest.mark.parametrize(
    ("limit", "wanted"),
    [
        # the largest is .1 and the mean .031: more than a fifth of either limit
        (
            1e-4,
            r"by 0\.1 nats at most and 0\.031 on average, above the limit of 0\.0001 at 3 of 4 tokens.*not in sync",
        ),
        (0.015, r"above the limit of 0\.015 at 2 of 4 tokens.*not in sync.*run\.parity=0\.2"),
    ],
)
def test_weights_out_of_step_are_told_by_the_mean(limit, wanted):
    with pytest.raises(UserError, match=wanted):
        check_parity(SAMPLER, OLD, MASK, limit=limit, number=3)


def test_rounding_is_told_with_the_option_that_lets_it_pass():
    old, mask = torch.full((1, 16), -1.0), torch.ones(1, 16, dtype=torch.bool)
    sampler = old + 0.001
    sampler[0, 3] = -0.94
    check_parity(sampler, old, mask, limit=0.05, number=0)  # one token now and then
    sampler[0, 5] = -0.94
    # the mean is (14 * .001 + 2 * .06) / 16 = .0084: less than a fifth of .05
    with pytest.raises(UserError, match=r"at 2 of 16 tokens: .* rounding .* set run\.parity=0\.2$") as error:
        check_parity(sampler, old, mask, limit=0.05, number=0)
    assert "\n" not in str(error.value)
    check_parity(sampler, old, mask, limit=0.2, number=0)


def test_one_token_in_a_thousand_may_magnify_rounding():
    old, mask = torch.full((1, 4000), -1.0), torch.ones(1, 4000, dtype=torch.bool)
    sampler = old.clone()
    sampler[0, :4] += 0.02
    check_parity(sampler, old, mask, limit=0.01, number=0)
    sampler[0, 4] += 0.02
    with pytest.raises(UserError, match="at 5 of 4000 tokens"):
        check_parity(sampler, old, mask, limit=0.01, number=0)


def test_the_limit_follows_the_precision_and_run_parity():
    assert [parity_limit(None, name) for name in ("float32", "bfloat16")] == [1e-4, 0.05]
    assert parity_limit(0.3, "float32") == 0.3


class Foreign(Apart):
    """An engine whose numerics are its own: it gives `shift` too much to every token, and may forget to sync."""

    foreign = True
    shift, syncs = 0.0, True

    def sample(self, *arguments, **options):
        """See Sampler."""
        rollout = super().sample(*arguments, **options)
        if rollout.logp_BT is None:
            return rollout
        return replace(rollout, logp_BT=(rollout.logp_BT + self.shift).where(rollout.mask_BT, 0.0))

    def sync(self, model):
        """Copy the weights, the first time at least."""
        if self.syncs:
            super().sync(model)


def run(folder, monkeypatch, *options):
    monkeypatch.setattr(sspo.rollout, "ENGINES", {"transformers": Foreign})
    config = quick_compose([*TINY, *BARELY_SCORED, "trainer.rollouts=2", *options])
    trainer = Trainer(replace(config, run=replace(config.run, device="cpu")), folder, Progress("test"))
    trainer.run(NoTracker())
    return [line for line in lines(folder / "metrics.jsonl") if "rollout/mismatch_mean" in line]


def test_a_sync_that_is_forgotten_ends_the_run_after_the_first_update(tmp_path, monkeypatch):
    monkeypatch.setattr(Foreign, "syncs", False)
    with pytest.raises(UserError, match=r"rollout 1: .* not in sync"):
        run(tmp_path, monkeypatch, "trainer.lr=1e-2")


def test_every_rollout_is_held_against_the_trainer_and_masked_responses_are_logged(tmp_path, monkeypatch):
    monkeypatch.setattr(Foreign, "shift", 0.1)
    options = ("rollout.resample=1", "rollout.max_tokens=30", "objective.mis_cap=1.05")
    with pytest.raises(UserError, match="rollout 0: "):
        run(tmp_path / "strict", monkeypatch, *options)
    logged = run(tmp_path / "loose", monkeypatch, *options, "run.parity=0.6")
    assert [line["rollout"] for line in logged] == [0, 1]
    for line in logged:
        assert line["policy/mis_masked_frac"] == 1  # exp(-.1) = .905 is below 1 / 1.05 = .952
        assert line["rollout/mismatch_mean"] == pytest.approx(0.1, abs=1e-3)
        assert line["rollout/mismatch_kl"] == pytest.approx(math.exp(-0.1) - 1 + 0.1, abs=1e-3)
