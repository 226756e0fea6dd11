"""KL to the base model, truncated importance sampling, dynamic sampling and the overlong penalty, in whole runs and by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from sspo.compose.fast import quick_compose
from sspo.console.progress import Progress
from sspo.replay.fidelity import TOLERANCE, agreement, pooled
from sspo.replay.source import open_run
from sspo.runs.tracking import NoTracker
from sspo.trainer.dynamic_sampling import Draw, dynamic, overlong_share
from sspo.trainer.loop import Trainer
from sspo.types import Problem, Rollout, Score
from tests.trainer.runs import TINY, lines

OPTIONS = (
    "objective=dapo_group",
    "objective.kl.coef=0.05",
    "objective.tis_cap=2",
    "objective.bounds.adapt=shuffled",
    "objective.bounds.alpha=0.5",
    "rollout.resample=2",
    "reward.overlong_buffer=60",
    "trainer.rollouts=2",
    "trainer.record=1",
    "trainer.micro_batch_tokens=300",
    "evaluation.every=0",
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("options")
    config = quick_compose([*TINY, *OPTIONS])
    Trainer(replace(config, run=replace(config.run, device="cpu")), folder, Progress("test")).run(NoTracker())
    return folder


def test_a_run_with_every_option_logs_them_and_its_recording_reproduces_its_log(finished):
    first, second, *_ = lines(finished / "metrics.jsonl")
    # nothing has moved: the policy is the base model, to the rounding of a sampler that caches
    assert first["policy/kl_reference"] == pytest.approx(0, abs=1e-6)
    assert first["policy/tis_weight_mean"] == pytest.approx(1, abs=1e-4)
    assert first["policy/tis_capped_frac"] == 0
    assert second["policy/kl_reference"] > 1e-6
    assert second["rollout/sampled_prompts"] in (4, 8, 12)
    assert 0 <= second["rollout/filled_prompts"] <= 4
    assert 0 < second["reward/overlong_penalty"] < 1
    run = open_run(finished)
    found = pooled([agreement(run.read(path), run.config, run.logged_steps()) for path in run.files])
    assert found.steps == 4
    assert found.difference <= TOLERANCE, found.where


def draw_of(attempt, values, width):
    """A draw of two prompts with two responses each; tokens say which attempt and row they are of."""
    rows = torch.arange(4)[:, None] + 10 * attempt
    return Draw(
        problems=[Problem(id=f"{attempt}/{p}", prompt="", answer="") for p in range(2)],
        rollout=Rollout(
            prompt_BL=rows.expand(4, width),
            prompt_mask_BL=torch.ones(4, width, dtype=torch.bool),
            response_BT=rows.expand(4, width),
            mask_BT=torch.ones(4, width, dtype=torch.bool),
            truncated_B=torch.zeros(4, dtype=torch.bool),
        ),
        scores=[Score(value=float(v), status="ok" if v else "wrong") for v in values],
    )


DRAWS = [((1, 1, 0, 0), 2), ((0, 0, 1, 0), 3), ((1, 1, 1, 1), 1), ((0, 1, 1, 0), 2)]


@pytest.mark.parametrize(
    ("resample", "ids", "sampled", "filled"),
    [
        (0, ["0/0", "0/1"], None, None),  # as without the option
        (1, ["1/1", "0/0"], 4, 1),  # one prompt with unequal scores; the first of the others fills up
        (2, ["1/1", "0/0"], 6, 1),
        (3, ["1/1", "3/0"], 8, 0),  # the first two with unequal scores, of three
    ],
)
def test_dynamic_sampling_keeps_the_first_prompts_with_unequal_scores(resample, ids, sampled, filled):
    draw, metrics = dynamic(
        draw_of(0, *DRAWS[0]), lambda a: draw_of(a, *DRAWS[a]), prompts=2, resample=resample, pad_id=99
    )
    assert [problem.id for problem in draw.problems] == ids
    values = {key: metric.value() for key, metric in metrics.items()}
    assert values.get("rollout/sampled_prompts") == sampled
    assert values.get("rollout/filled_prompts") == filled
    if resample == 1:  # rows 2 and 3 of attempt 1, three tokens wide; rows 0 and 1 of attempt 0, two tokens
        assert draw.rollout.response_BT.tolist() == [[12] * 3, [13] * 3, [0, 0, 99], [1, 1, 99]]
        assert draw.rollout.prompt_BL.tolist() == [[12] * 3, [13] * 3, [99, 0, 0], [99, 1, 1]]
        assert (
            draw.rollout.mask_BT.sum(1).tolist()
            == draw.rollout.prompt_mask_BL.sum(1).tolist()
            == [3, 3, 2, 2]
        )
        assert [score.value for score in draw.scores] == [1, 0, 1, 1]


def test_the_overlong_penalty_by_hand():
    # limit 100, buffer 20: nothing up to 80, half of it at 90, all of it at 100
    assert [overlong_share(n, 100, 20) for n in (1, 80, 85, 90, 100)] == [0, 0, 0.25, 0.5, 1]
    assert overlong_share(100, 100, 0) == 0
