"""Training processes that are killed at a named file operation, at a random one or at a random moment.

Python announces every file operation to an audit hook before it is made: nothing in the product knows that it is watched.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import runpy
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.forked import forks
from tests.trainer.changes import changed
from tests.trainer.runs import TINY

SMALL = (
    *TINY,
    "trainer.rollouts=3",
    "trainer.samples_every=1",
    "trainer.record=1",
    "rollout.max_tokens=60",
    "rollout.resample=1",
    "evaluation.questions=1",
    "evaluation.curve_questions=1",
    "evaluation.samples=1",
    "evaluation.max_tokens=3",
    "evaluation.every=1",
    "run.device=cpu",
)
VARIED = {
    "sspo": ("objective=sspo", "objective.bounds.target_clip_frac=0.1", "objective.kl.coef=0.05"),
    "dapo": ("objective=dapo_group", "reward.overlong_buffer=20", "rollout.resample=2"),
    "gspo": ("objective=gspo", "trainer.epochs=2", "trainer.warmup_steps=5"),
}
"""Overrides of runs that between them have most of what a checkpoint must hold."""
CONTROLLED_KL = (*SMALL, *VARIED["sspo"])
LOGS = ("metrics.jsonl", "eval.jsonl", "samples.jsonl")


@dataclass(frozen=True, kw_only=True)
class Fault:
    """When a process dies, or what it cannot write."""

    before: tuple[str, str] | None = None
    """An event, and a part of its path."""
    count: int | None = None
    """The how-manieth change."""
    file_limit: int | None = None
    """No file grows beyond so many bytes: a full disk for large files alone."""


@dataclass(frozen=True)
class Ended:
    """How a process ended."""

    status: int
    """Negative: the signal."""
    changes: int
    """File operations that it announced."""
    stderr: str


def start(store: Path, overrides: tuple[str, ...], fault: Fault) -> multiprocessing.process.BaseProcess:
    """A running process; its stderr and what it changed lie beside the store."""
    child = forks.Process(target=_child, args=(str(store), overrides, fault))
    child.start()
    return child


def run(store: Path, overrides: tuple[str, ...] = CONTROLLED_KL, **fault: object) -> Ended:
    """Run a process to its end, which the fault may bring."""
    child = start(store, overrides, Fault(**fault))
    child.join()
    said, changes = _beside(store)
    return Ended(child.exitcode, len(changes.read_text().splitlines()), said.read_text())


def start_evaluation(words: tuple[str, ...]) -> multiprocessing.process.BaseProcess:
    """A running `python -m sspo.evaluate`, which says nothing."""
    child = forks.Process(target=_evaluation, args=(words,))
    child.start()
    return child


def _evaluation(words: tuple[str, ...]) -> None:
    for stream in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    sys.argv = ["-m", *words]
    runpy.run_module("sspo.evaluate", run_name="__main__", alter_sys=True)


def bits(folder: Path) -> Mapping[str, bytes]:
    """What must be equal bit for bit: the logs and the recordings."""
    return {name: (folder / name).read_bytes() for name in LOGS} | {
        path.name: path.read_bytes() for path in sorted((folder / "recording").iterdir())
    }


def _beside(store: Path) -> tuple[Path, Path]:
    return store.with_name(f"{store.name}.stderr"), store.with_name(f"{store.name}.changes")


def _child(store: str, overrides: tuple[str, ...], fault: Fault) -> None:
    from sspo.console.one_sentence import one_sentence
    from sspo.train import main

    said, changes = _beside(Path(store))
    for stream, path in ((1, os.devnull), (2, said)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
    if fault.file_limit is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (fault.file_limit, fault.file_limit))
    _watch(store, fault, changes)
    sys.exit(one_sentence(lambda: main([*overrides, f"run.store={store}"])))


def _watch(store: str, fault: Fault, changes: Path) -> None:
    record = os.open(changes, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    seen = 0

    def hook(event: str, arguments: tuple) -> None:
        nonlocal seen
        path = changed(event, arguments)
        if path is None or not (path.startswith(store) or not path.startswith("/")):
            return
        seen += 1
        os.write(record, f"{event} {path}\n".encode())
        named = fault.before is not None and event == fault.before[0] and fault.before[1] in path
        if named or seen == fault.count:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
