"""The warning of an arm whose clipping cannot act, and recording and control across an interruption."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from sspo.compose.fast import quick_compose
from sspo.console.progress import Progress
from sspo.metrics import Metric
from sspo.objective.clip_controller import ClipControl
from sspo.runs.tracking import NoTracker
from sspo.trainer.clip_watch import PAYS_BACK, ClipWatch
from sspo.trainer.loop import Trainer
from tests.trainer.runs import BARELY_SCORED, TINY, lines, train

AT, CONTROL = "objective.bounds.target_clip_frac", "objective.bounds.target_control"


def steps(clipped, active, tokens=1000):
    """The metrics of a rollout of two optimizer steps, as far as the watch looks."""
    share = {"policy/active_token_frac": Metric("mean", (active, tokens))}
    return [share, {**share, "policy/clip_frac_matched": Metric("mean", (clipped, max(active, 0)))}]


def warned(rollouts, *overrides, finished=0):
    watch = ClipWatch(quick_compose([*TINY, *overrides]), finished)
    return [watch.look(rollout) for rollout in rollouts]


def test_it_speaks_once_after_the_first_rollouts():
    said = warned([steps(0, 500)] * 5, "trainer.warn_after=2")
    assert [sentence is None for sentence in said] == [True, False, True, True, True]
    assert "over rollouts up to 2, no token was clipped: tighten objective.clip" in said[1]
    assert warned([steps(0, 500)] * 5, "trainer.warn_after=0") == [None] * 5
    assert warned([steps(0, 500)] * 5, finished=3) == [None] * 5  # a resumed run has said it


def test_each_way_of_being_vacuous_has_its_own_sentence():
    assert "60 % of tokens with an advantage were clipped" in warned([steps(300, 500)] * 3)[-1]
    assert "one optimizer step per rollout" in warned([steps(0, 500)] * 3, "trainer.minibatch=16")[-1]


def test_an_arm_that_clips_and_one_without_a_clip_are_left_alone():
    assert warned([steps(0, 500), steps(0, 500), steps(1, 500)])[-1] is None
    assert warned([steps(0, 500)] * 3, "objective=no_clip")[-1] is None
    assert warned([steps(0, 0)] * 3)[-1] is None  # the first rollout has said why no advantage is left


def test_a_controller_held_by_its_range_is_said_once():
    config = quick_compose([*TINY, "objective=grpo", "objective.bounds.target_clip_frac=0.1"])
    watch = ClipWatch(config, finished=0)
    inside, edge = ClipControl(log_scale=0.1, rollouts=1), ClipControl(log_scale=math.log(4.5), rollouts=2)
    assert watch.look_at_control(inside) is None
    assert "clip.low=0.9 and clip.high=0.9: it cannot hold" in watch.look_at_control(edge)  # .2 * 4.5
    assert watch.look_at_control(edge) is None


EVEN = torch.arange(1, 1001) / 1000
"""Critical scales of which bounds at a scale s < 1 clip the share 1 - s."""


INSIDE = ClipControl(log_scale=-0.1, rollouts=9)


def missed(rollouts, *overrides, control=INSIDE):
    """The warning at the end of a run of ten rollouts, of which the last have these scales and critical scales."""
    config = quick_compose([*TINY, "objective=grpo", "trainer.rollouts=10", f"{AT}=0.1", *overrides])
    watch, said = ClipWatch(config, finished=10 - len(rollouts)), []
    for number, (scale, critical) in enumerate(rollouts, 10 - len(rollouts)):
        watch.see(number, scale, critical)
        said.append(watch.look_at_target(control, number + 1))
    assert said[:-1] == [None] * (len(rollouts) - 1)
    return said[-1]


def test_a_target_that_was_not_held_is_named_with_its_reason():
    # the first half of the run, all clipped, does not count
    assert missed([(0.5, EVEN)] * 5 + [(0.905, EVEN), (0.895, EVEN)] * 2 + [(0.9, EVEN)]) is None
    varied = missed([(0.99, EVEN), (0.8, EVEN)] * 2 + [(0.8, EVEN)])
    assert "target_clip_frac=0.1 was not held: 12.4 % of the tokens with an advantage was clipped" in varied
    assert "over the last 5 rollouts" in varied
    assert varied.endswith("the share varied from 1 to 20 % between rollouts" + PAYS_BACK)
    assert missed([(0.8, EVEN)] * 5, f"{CONTROL}=integral").endswith("between rollouts")
    assert "fewer tokens than that moved" in missed([(1.0, torch.zeros(1000))] * 5)
    few = missed([(0.9, EVEN[:99])] * 3 + [(0.8, EVEN)] * 2)
    assert "3 of these rollouts had fewer than 100 such tokens" in few
    assert "no share of the tokens" in missed([(0.9, EVEN[:99])] * 5)
    coarse = torch.tensor([2.0] * 300 + [1.0] * 700)
    assert "the tokens of one token are clipped together" in missed([(1.5, coarse)] * 5)
    grown = ClipControl(log_scale=0.0, rollouts=10)
    assert "widened 2.5 times meanwhile" in missed([(0.4, EVEN)] * 5, control=grown)
    edge = ClipControl(log_scale=math.log(4.5), rollouts=10)
    assert "at the end of objective.bounds.target_range" in missed([(0.4, EVEN)] * 5, control=edge)


def test_a_run_too_short_or_resumed_too_late_to_hold_a_target_says_nothing():
    assert missed([(0.4, EVEN)] * 4) is None
    assert missed([(0.4, EVEN)] * 9, f"{AT}=null") is None


SHORT = ("trainer.minibatch=16", "trainer.rollouts=1", *BARELY_SCORED)


def test_a_run_says_it_on_its_error_stream(tmp_path):
    done = train(tmp_path, *SHORT, "trainer.warn_after=1")
    assert (done.returncode, len(done.stderr.splitlines())) == (0, 1)
    assert "warning: clipping cannot act in this run" in done.stderr
    again = train(tmp_path, *SHORT, "trainer.record=1")
    assert (again.returncode, len(again.stderr.splitlines())) == (2, 1)
    assert "already finished, without a recording" in again.stderr


class Stopped(Exception):
    """The process is gone."""


CONTROLLED = (
    "objective.bounds.target_clip_frac=0.1",
    "trainer.record=1",
    *BARELY_SCORED,
    "rollout.responses=8",  # eight a prompt: enough tokens with an advantage to steer by
)


@pytest.mark.parametrize(
    ("rollouts", "checkpoint_every", "stop_after", "control"),
    [
        (2, 1, 2, "proportional"),  # before its second checkpoint: the controller is that of the first
        pytest.param(4, 2, 1, "proportional", marks=pytest.mark.acceptance),
        pytest.param(4, 2, 3, "integral", marks=pytest.mark.acceptance),  # which owes something by then
    ],
)
def test_an_interrupted_run_goes_on_with_its_recording_and_its_controller(
    tmp_path, rollouts, checkpoint_every, stop_after, control
):
    counts = (f"trainer.rollouts={rollouts}", f"trainer.checkpoint_every={checkpoint_every}")
    config = quick_compose([*TINY, *CONTROLLED, f"{CONTROL}={control}", *counts])
    config = replace(config, run=replace(config.run, device="cpu", store=str(tmp_path)))
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    Trainer(config, whole, Progress("test")).run(NoTracker())

    class Watched(Progress):
        def advance(self, done, metrics):
            if done == stop_after:
                raise Stopped

    trainer = Trainer(config, cut, Watched("test"))
    with pytest.raises(Stopped):
        trainer.run(NoTracker())
    assert len(list((cut / "recording").iterdir())) == stop_after
    Trainer(config, cut, Progress("test")).run(NoTracker())
    scales = {row.get("policy/clip_scale") for row in lines(cut / "metrics.jsonl")}
    assert len(scales) == rollouts + 1  # one a rollout, and none
    assert (cut / "metrics.jsonl").read_bytes() == (whole / "metrics.jsonl").read_bytes()
    names = [path.name for path in sorted((whole / "recording").iterdir())]
    assert names == [f"rollout00000{k}.parquet" for k in range(rollouts)]
    for name in names:
        assert (cut / "recording" / name).read_bytes() == (whole / "recording" / name).read_bytes()
