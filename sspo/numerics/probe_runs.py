"""Whole runs that take seconds and together cover every branch of the configuration: three rollouts, evaluated, killed
after the first and resumed.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import shutil
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save

from sspo.compose.hydra_compose import compose
from sspo.runs.identity import facts_of, run_folder
from sspo.runs.runlog import DONE
from sspo.train import main

SMALL = (
    "trainer.rollouts=3", "rollout.prompts=6", "rollout.responses=4", "trainer.minibatch=12", "rollout.max_tokens=80",
    "evaluation.max_tokens=64", "evaluation.questions=2", "evaluation.samples=1", "evaluation.every=0",
    "trainer.checkpoint_every=1", "trainer.samples_every=2", "trainer.record=1", "trainer.lr=1e-3", "tracking=none",
    "run.device=cpu",
)  # fmt: skip
CELLS = {
    "sspo": (
        "objective=sspo", "evaluation.temperatures=[1.0,0.6]", "evaluation.every=2", "evaluation.curve_questions=2",
        "evaluation.samples=2",
    ),
    "dapo": ("objective=dapo_group", "rollout.resample=2", "reward.overlong_buffer=30", "reward.overlong_penalty=0.5"),
    "penalized": (
        "objective=grpo", "objective.kl.coef=0.05", "objective.kl.estimator=k1", "objective.tis_cap=2.0",
        "trainer.epochs=2", "trainer.warmup_steps=2", "trainer.weight_decay=0.01", "trainer.max_grad_norm=0.1",
    ),
    "masked": (
        "objective=dapo", "objective.mis_cap=1.00000004", "trainer.rollouts=1", "trainer.micro_batch_tokens=500",
    ),
    "held": ("objective=gspo", "objective.bounds.target_clip_frac=0.1"),
    "random": ("objective=reinforce_pp", "segmentation=random_sentence", "rollout.temperature=0.8"),
    "peaks": ("objective=cispo", "segmentation=entropy_peak", "trainer.micro_batch_tokens=300"),
    "paragraphs": ("model=embedded_paragraphs", "objective=sspo_shuffled", "segmentation=line"),
    "lengths": ("objective=dr_grpo", "segmentation=fixed_matched", "segmentation.max_tokens=6"),
    "graded": ("reward=math_verify", "reward.also=[boxed_format*0.1,brevity*-0.05,exact_answer*0.5]", "trainer.record=0"),
    "shaped": ("reward=boxed_format", "trainer.rollouts=1", "trainer.record=0"),
    "short": ("reward=brevity", "trainer.rollouts=1", "trainer.record=0"),
    "base": ("trainer.rollouts=0", "trainer.record=0", "evaluation.samples=4", "evaluation.batch=16"),
    "streams": (
        "trainer.rollouts=1", "evaluation.stream=sample", "evaluation.top_p=0.8", "evaluation.texts=true",
        "evaluation.samples=3", "evaluation.batch=2",
    ),
    "likeliest": ("trainer.rollouts=1", "trainer.record=0", "evaluation.top_k=5", "evaluation.top_p=0.9", "evaluation.samples=2"),
    "fast": ("rollout.decode=lean", "trainer.forward=lean", "trainer.old_logp=sampler", "trainer.micro_batch_tokens=700"),
    "chunked": ("trainer.logits=chunked", "objective=grpo", "trainer.rollouts=1"),
    "adapters": (
        "model.lora.rank=4", "model.precision=bfloat16", "objective.kl.coef=0.05", "trainer.gradient_checkpointing=true",
        "rollout.decode=lean", "trainer.logits=chunked", "trainer.rollouts=2", "trainer.record=0",
    ),
    "file": ("task=jsonl", "task.train=QUESTIONS.jsonl", "task.eval=[QUESTIONS.jsonl]", "objective=grpo"),
}  # fmt: skip
"""Named sets and generators are read by the code that reads a file, so one file covers these."""
QUESTIONS = "QUESTIONS.jsonl"
"""Placeholder for a file that is made beside the runs."""
TABLES = ("metrics.jsonl", "eval.jsonl", "samples.jsonl")


def run_entries(store: Path) -> dict[str, Any]:
    """Return one probe entry per run, made in `store`, which is emptied."""
    shutil.rmtree(store, ignore_errors=True)
    questions = _write_questions(store / QUESTIONS)
    import_module("sspo.trainer.loop")  # once, and not in every child
    entries = {}
    for number, (name, overrides) in enumerate(CELLS.items(), 1):
        print(f"run {number} of {len(CELLS)}: {name}", file=sys.stderr, flush=True)
        placed = [words.replace(QUESTIONS, str(questions)) for words in overrides]
        entries[f"run of {name}"] = _entry((*SMALL, *placed, f"run.store={store}"))
    shutil.rmtree(store)
    return entries


def _write_questions(path: Path) -> Path:
    """Write seven questions in the embedded model's words: fewer than two rollouts need, so that an epoch ends inside
    one.
    """
    # read from left to right: (n + 2 - n) * 3 = 6
    rows = [{"question": f"{n} + 2 - {n} * 3 ?", "answer": 6} for n in range(7)]
    path.parent.mkdir(parents=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def _entry(overrides: Sequence[str]) -> dict[str, Any]:
    config = compose(overrides)
    folder = run_folder(config)
    _train(overrides, killed_at=folder / "checkpoints" / "rollout000001")
    if not (folder / DONE).is_file() and _train(overrides):
        raise RuntimeError(f"{' '.join(overrides)} does not end")
    parts: dict[str, str] = {}
    for table in TABLES:
        parts |= _columns(folder / table) if (folder / table).is_file() else {}
    for path in sorted(folder.glob("recording/*")):
        parts[str(path.relative_to(folder))] = hashlib.sha256(path.read_bytes()).hexdigest()
    for path in sorted(folder.glob("checkpoints/*/*model.safetensors")):
        parts[str(path.relative_to(folder))] = hashlib.sha256(_tensors(path)).hexdigest()
    return {"options": facts_of(config), "parts": parts}


def _tensors(path: Path) -> bytes:
    """Return a file's names and tensors in canonical order, without other metadata: the bytes of checkpoints from
    before saved models existed, so that those can be compared too.
    """
    return save(load_file(path))


def _train(overrides: Sequence[str], killed_at: Path | None = None) -> int:
    """Run one process of a run; kill it as soon as a path exists, if it has not ended by then. Return its exit status."""
    child = multiprocessing.get_context("fork").Process(target=_quietly, args=(overrides,))
    child.start()
    while child.is_alive():
        if killed_at is not None and killed_at.exists():
            child.kill()
        child.join(0.005)
    return child.exitcode or 0


def _quietly(overrides: Sequence[str]) -> None:
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    sys.exit(main(list(overrides)))


def _columns(path: Path) -> dict[str, str]:
    """Return one digest per logged key over all lines: a new key does not affect the others."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    keys = sorted({key for row in rows for key in row})
    return {
        f"{path.name} {key}": hashlib.sha256(json.dumps([row.get(key) for row in rows]).encode()).hexdigest()
        for key in keys
    }
