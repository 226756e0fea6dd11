"""Whole runs of seconds: what they log, that they learn from the seed alone, and how they diverge."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
import yaml

from sspo.compose.fast import quick_compose
from sspo.console.progress import Progress
from sspo.metrics import GLOSSARY, OPTION_KEYS, ROLLOUT_KEYS, SHARES
from sspo.runs.tracking import NoTracker
from sspo.trainer import loop
from sspo.trainer.optim import Diverged
from tests.trainer.runs import BARELY_SCORED, TINY, folder, lines, train


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    store = tmp_path_factory.mktemp("finished")
    done = train(store, "trainer.rollouts=2", "evaluation.every=1")
    assert done.returncode == 0, done.stderr
    return folder(store)


def test_a_run_folder_holds_everything_and_ends_with_its_marker(finished):
    done = json.loads((finished / "DONE.json").read_text())
    assert (done["rollouts"], done["steps"]) == (2, 4)
    assert not (finished / "FAILED.json").exists()
    assert yaml.safe_load((finished / "config.yaml").read_text())["objective"]["name"] == "sspo"
    environment = json.loads((finished / "env.json").read_text())
    assert environment["versions"]["torch"].startswith("2.")
    assert [p.name for p in (finished / "checkpoints").iterdir()] == ["rollout000002"]


def test_a_line_a_step_with_every_glossary_key(finished):
    steps = lines(finished / "metrics.jsonl")
    assert [(s["step"], s["rollout"], s["update"]) for s in steps] == [
        (k + 1, k // 2, k % 2) for k in range(4)
    ]
    index = {"step", "rollout", "update"}
    assert set(steps[1]) - index == set(GLOSSARY) - set(OPTION_KEYS)
    assert set(steps[0]) - index == set(GLOSSARY) - set(ROLLOUT_KEYS) - set(OPTION_KEYS)
    assert all(steps[0][key] is None for key in SHARES)  # 16 short answers hold no hundred extreme tokens
    assert steps[0]["policy/ratio_mean"] == pytest.approx(1, abs=1e-5)  # first update: on policy
    assert steps[1]["policy/token_log_ratio_std"] > 1e-4
    assert len(lines(finished / "timing.jsonl")) == 2


def test_evaluation_rows_are_complete_and_use_the_same_questions(finished):
    rows = lines(finished / "eval.jsonl")
    final = [row for row in rows if row["final"]]
    # 5 sets x 3 questions x (1 greedy + 2 sampled)
    assert len(final) == 5 * 3 * 3
    assert {row["rollout"] for row in final} == {1}
    # curves before any rollout and after both: 5 sets x 2 questions each
    assert {(row["rollout"]) for row in rows if not row["final"]} == {-1, 0, 1}
    assert len({row["question"] for row in rows if row["set"] == "long"}) == 3


def test_samples_show_pieces_segments_and_clipped_flags(finished):
    sample = lines(finished / "samples.jsonl")[0]
    n = len(sample["pieces"])
    assert n == len(sample["segment_ids"]) == len(sample["clipped"]) == len(sample["log_ratio"])
    assert [text.strip() for text in sample["texts"]] == sample["pieces"]
    assert sample["texts"][0].startswith(" ")  # words of the embedded vocabulary are spaced
    assert sample["prompt"].startswith("<bos> ")
    assert sample["segment_ids"][0] == 0


def test_rollout_zero_is_token_identical_across_arms_of_a_seed_and_differs_between_seeds(finished, tmp_path):
    hashes = {}
    for arm in (["objective=grpo"], ["objective=no_clip", "segmentation=random"], ["seed=1"]):
        store = tmp_path / str(len(hashes))
        assert train(store, *arm, "trainer.rollouts=1", *BARELY_SCORED).returncode == 0
        hashes[arm[0]] = json.loads((folder(store) / "DONE.json").read_text())["rollout0_sha256"]
    wanted = json.loads((finished / "DONE.json").read_text())["rollout0_sha256"]
    assert hashes["objective=grpo"] == hashes["objective=no_clip"] == wanted
    assert hashes["seed=1"] != wanted


def small(*overrides):
    config = quick_compose([*TINY, "trainer.rollouts=2", *overrides])
    return replace(config, run=replace(config.run, device="cpu"))


def run_here(config, path):
    trainer = loop.Trainer(config, path, Progress("test"))
    trainer.run(NoTracker())
    return trainer


def test_micro_batch_size_changes_memory_and_not_the_run(tmp_path, capsys):
    weights = []
    for budget in (200, 100_000):
        trainer = run_here(
            small(f"trainer.micro_batch_tokens={budget}", "trainer.rollouts=1", *BARELY_SCORED),
            tmp_path / str(budget),
        )
        weights.append(torch.cat([p.detach().flatten() for p in trainer.model.parameters()]))
    base = torch.cat([p.detach().flatten() for p in load_base().parameters()])
    moved = (weights[0] - base).abs().max()
    # AdamW's first steps are sign-like, so float noise near a zero gradient can move a weight by lr; most agree far better
    close = ((weights[0] - weights[1]).abs() < 0.02 * moved).float().mean()
    assert float(close) > 0.97


def load_base():
    from sspo.config import ModelConfig
    from sspo.models.policy import load_policy

    return load_policy(ModelConfig(path="embedded"), torch.device("cpu")).model


def test_the_untrained_base_is_a_run_of_no_rollouts(tmp_path, capsys):
    trainer = run_here(small("trainer.rollouts=0"), tmp_path)
    rows = lines(tmp_path / "eval.jsonl")
    assert {(row["rollout"], row["final"]) for row in rows} == {(-1, True)}
    assert trainer.state.rollout0_sha256 is None


def test_a_diverged_run_is_scored_at_its_last_finite_checkpoint(tmp_path, monkeypatch, capsys):
    trainer = loop.Trainer(small(), tmp_path, Progress("test"))
    real = loop.apply_gradients

    def poisoned(model, optimizer, config, step):
        if step == 3:
            next(model.parameters()).grad.fill_(float("nan"))
        return real(model, optimizer, config, step)

    monkeypatch.setattr(loop, "apply_gradients", poisoned)
    with pytest.raises(Diverged, match="optimizer step 3"):
        trainer.run(NoTracker())
    final = [row for row in lines(tmp_path / "eval.jsonl") if row["final"]]
    assert {row["rollout"] for row in final} == {0}
    assert all(torch.isfinite(p).all() for p in trainer.model.parameters())

    monkeypatch.undo()  # a retry that does not diverge must not keep the scores of the divergence
    run_here(small(), tmp_path)
    final = [row for row in lines(tmp_path / "eval.jsonl") if row["final"]]
    assert ({row["rollout"] for row in final}, len(final)) == ({1}, 45)


def test_weights_that_break_in_the_last_step_of_a_rollout_are_a_divergence_before_anything_reads_them(
    tmp_path, monkeypatch, capsys
):
    trainer = loop.Trainer(small("trainer.samples_every=1"), tmp_path, Progress("test"))
    real = loop.apply_gradients

    def breaking(model, optimizer, config, step):
        norm = real(model, optimizer, config, step)
        if step == 2:  # the second of two updates: no later gradient shows it
            with torch.no_grad():
                next(model.parameters()).fill_(float("nan"))
        return norm

    monkeypatch.setattr(loop, "apply_gradients", breaking)
    with pytest.raises(Diverged, match="after optimizer step 2"):
        trainer.run(NoTracker())
    assert not (tmp_path / "samples.jsonl").exists()


def test_exploding_weights_are_a_named_failure_and_leaves_no_broken_weights(tmp_path):
    done = train(tmp_path, "trainer.lr=1", "trainer.weight_decay=1e30", "objective=no_clip", *BARELY_SCORED)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    failed = json.loads((folder(tmp_path) / "FAILED.json").read_text())
    assert failed["reason"] == "diverged"
    assert any(row["final"] for row in lines(folder(tmp_path) / "eval.jsonl"))
