"""`trainer.backend=trl`: runs whose questions, rewards, logs and checkpoints are those of any run of ours."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from sspo.models.policy import load_policy
from sspo.replay.fidelity import agreement
from sspo.replay.source import open_run
from sspo.tasks import task_of
from sspo.trainer.course import token_hash
from tests.trainer import killed
from tests.trainer.runs import BARELY_SCORED, folder, lines, train

SMALL = (
    "trainer.backend=trl",
    "trainer.rollouts=3",
    "trainer.record=1",
    "trainer.samples_every=1",
    "trainer.warmup_steps=4",
    "trainer.lr=4e-4",
    "objective.bounds.target_clip_frac=0.05",
    "run.device=cpu",
)


@pytest.fixture(scope="module")
def trial(tmp_path_factory) -> Path:
    store = tmp_path_factory.mktemp("trial")
    ended = train(store, *SMALL)
    assert ended.returncode == 0, ended.stderr
    return folder(store)


def test_a_trial_has_the_lines_and_keys_of_a_run_of_ours(trial, tmp_path):
    assert train(tmp_path, *SMALL, "trainer.backend=sspo").returncode == 0
    ours = folder(tmp_path)
    for log in ("metrics.jsonl", "samples.jsonl", "timing.jsonl"):
        assert [list(row) for row in lines(trial / log)] == [list(row) for row in lines(ours / log)], log
    places = ("step", "rollout", "update")
    assert [[row[key] for key in places] for row in lines(trial / "metrics.jsonl")] == [
        [1, 0, 0], [2, 0, 1], [3, 1, 0], [4, 1, 1], [5, 2, 0], [6, 2, 1]
    ]  # fmt: skip
    asked = ("rollout", "final", "set", "question", "mode", "temperature", "sample")
    assert [[row[key] for key in asked] for row in lines(trial / "eval.jsonl")] == [
        [row[key] for key in asked] for row in lines(ours / "eval.jsonl")
    ]
    done, wanted = (json.loads((path / "DONE.json").read_text()) for path in (trial, ours))
    assert done.keys() == wanted.keys()
    assert done["logs"].keys() == wanted["logs"].keys()
    assert json.loads((trial / "env.json").read_text())["versions"]["trl"]


def test_learning_rates_are_ours_and_the_first_ratios_are_one(trial):
    rows = lines(trial / "metrics.jsonl")
    # 4e-4 * step / 4 in four steps of warm-up
    assert [row["optim/lr"] for row in rows] == pytest.approx([1e-4, 2e-4, 3e-4, 4e-4, 4e-4, 4e-4])
    for row in rows:
        assert (row["policy/ratio_min"] == row["policy/ratio_max"] == 1) == (row["update"] == 0)


def test_rollouts_ask_our_questions_in_our_tokens(trial):
    run = open_run(trial)
    policy, task = load_policy(run.config.model, torch.device("cpu")), task_of(run.config)
    for number, path in enumerate(run.files):
        recorded = run.read(path)
        problems = task.train_problems(run.config.seed, number, run.config.rollout.prompts)
        asked = [
            ids[mask].tolist()
            for ids, mask in zip(recorded.batch.prompt_BL, recorded.batch.prompt_mask_BL, strict=True)
        ]
        wanted = policy.prompts((problem.prompt for problem in problems), run.config.rollout.max_tokens)
        assert recorded.problem_ids == tuple(problem.id for problem in problems)
        assert asked == [ids for ids in wanted for _ in range(4)]
        texts = policy.decode(recorded.batch.response_BT, recorded.batch.mask_BT)
        for i, score in enumerate(recorded.scores):
            right = texts[i].strip().endswith(f"answer {problems[i // 4].answer} .")
            ended = recorded.batch.response_BT[i][recorded.batch.mask_BT[i]][-1] in policy.end_ids
            assert (score.status == "ok") == (right and ended), texts[i]


def test_its_recordings_reproduce_its_log(trial):
    run = open_run(trial)
    logged = run.logged_steps()
    found = [agreement(run.read(path), run.config, logged) for path in run.files]
    assert all(one.holds for one in found), found
    first = run.read(run.files[0]).batch
    assert json.loads((trial / "DONE.json").read_text())["rollout0_sha256"] == token_hash(
        first.response_BT, first.mask_BT
    )


def test_the_controller_moves_the_bounds_of_the_next_rollout(trial):
    scales = [row["policy/clip_scale"] for row in lines(trial / "metrics.jsonl") if row["update"] == 1]
    control = json.loads((trial / "DONE.json").read_text())["control"]
    assert scales[0] == 1
    assert len({*scales, control["log_scale"]}) == 4


def test_a_killed_trial_continues_bit_for_bit(trial, tmp_path):
    store, words = tmp_path / "store", (*killed.TINY, *SMALL)
    ended = killed.run(store, words, before=("os.rename", "checkpoints/rollout000003"))
    assert ended.status == -signal.SIGKILL
    assert len(lines(folder(store) / "metrics.jsonl")) == 6  # that of rollout 2 is the last checkpoint
    assert killed.run(store, words).status == 0
    assert killed.bits(folder(store)) == killed.bits(trial)
    for name in ("model.safetensors", "optimizer.safetensors"):
        mine, whole = (path / "checkpoints" / "rollout000003" / name for path in (folder(store), trial))
        assert mine.read_bytes() == whole.read_bytes()


def test_adapters_learn_under_a_penalty_to_the_base_that_starts_at_zero(tmp_path):
    words = ("model.lora.rank=2", "objective.kl.coef=0.1", "trainer.rollouts=2", *BARELY_SCORED)
    ended = train(tmp_path, "trainer.backend=trl", "trainer.lr=1e-2", "evaluation.every=0", *words)
    assert ended.returncode == 0, ended.stderr
    rows = lines(folder(tmp_path) / "metrics.jsonl")
    assert rows[0]["policy/kl_reference"] == pytest.approx(0, abs=1e-9)  # new adapters change nothing
    assert rows[-1]["policy/kl_reference"] > 1e-4
    (weights,) = folder(tmp_path).glob("checkpoints/*/adapter_model.safetensors")
    assert any("lora_B" in name and value.any() for name, value in load_file(weights).items())


def test_a_run_that_breaks_is_scored_at_its_last_finite_checkpoint(tmp_path):
    words = ("trainer.lr=1", "trainer.weight_decay=1e30", "objective=no_clip", *BARELY_SCORED)
    ended = train(tmp_path, "trainer.backend=trl", *words)
    assert ended.returncode == 1
    failed = json.loads((folder(tmp_path) / "FAILED.json").read_text())
    assert (failed["reason"], "eval.jsonl" in failed["logs"]) == ("diverged", True)
    assert {row["rollout"] for row in lines(folder(tmp_path) / "eval.jsonl") if row["final"]} == {-1}


def test_micro_batches_are_the_largest_that_divide_a_step_and_fit(tmp_path):
    from sspo.compose.fast import quick_compose
    from sspo.console.progress import Progress
    from sspo.integrations.trl.trial import open_trial

    # chain questions have at most 12 tokens: 2 * (8 + 32) <= 100 < 4 * (1 + 32), and 2 divides 8
    words = ("tracking=none", "rollout.prompts=2", "rollout.responses=8", "rollout.max_tokens=32")
    more = ("trainer.minibatch=8", "trainer.micro_batch_tokens=100", "trainer.backend=trl")
    trial = open_trial(quick_compose([*words, *more]), tmp_path, Progress("test"))
    args = trial.trainer.args
    assert (args.per_device_train_batch_size, args.gradient_accumulation_steps) == (2, 4)
    assert (args.steps_per_generation, trial.trainer.updates) == (8, 2)
