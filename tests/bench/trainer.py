"""`make bench-trainer`: our trainer beside TRL's on one workload, and beside the matrix products alone.

8 prompts x 8 responses x exactly 64 tokens, 4 updates a cycle, a Qwen2 of 1.1 M parameters, float32. Every trainer is a process of
its own, and they take turns, a cycle at a time. Ratios are TRL's median over ours, of wall and of processor seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.bench import trainer_workload as work

ROOT = Path(__file__).resolve().parents[2]
LEAN = ("rollout.decode=lean", "trainer.forward=lean", "trainer.old_logp=sampler")
OURS = {
    "ours, plain": ("rollout.decode=plain", "trainer.logits=full", "objective=grpo", "segmentation=token"),
    "ours, lean": (*LEAN, "trainer.logits=full", "objective=grpo", "segmentation=token"),
    "ours, lean, sspo": (*LEAN, "trainer.logits=full", "objective=sspo"),
}
FLOOR, TRL = "products", "TRL"
Cycle = Mapping[str, Any]


def start(module: str, python: str, words: list[str], threads: int, log: Path) -> subprocess.Popen[str]:
    environment = {
        **os.environ, "OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "PASSIVE", "TOKENIZERS_PARALLELISM": "false",
        "ACCELERATE_USE_CPU": "true", "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    return subprocess.Popen(
        [python, "-m", f"tests.bench.{module}", *words], cwd=ROOT, env=environment, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log.open("w"),
    )  # fmt: skip


def cycles_of(
    trainers: Mapping[str, subprocess.Popen[str]], cycles: int, logs: Path
) -> dict[str, list[Cycle]]:
    """Each trainer's cycles, taken in turns. The first one of each warms up and is left out."""
    found: dict[str, list[Cycle]] = {name: [] for name in trainers}
    names = list(trainers)
    for number in range(cycles + 1):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            process = trainers[name]
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("go\n")
            process.stdin.flush()
            line = process.stdout.readline()
            if not line:
                sys.exit(f"{name} ended: {(logs / f'{name}.log').read_text()[-2000:]}")
            if number:
                found[name].append(json.loads(line))
        print(f"\r  cycle {number} of {cycles}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    for process in trainers.values():
        process.kill()
        process.wait()
    return found


def middle(cycles: list[Cycle], part: str, clock: int) -> float:
    """The median seconds of a part of a cycle: wall (0) or processor (1) seconds."""
    if part == "update":
        return statistics.median(cycle["whole"][clock] - cycle["generation"][clock] for cycle in cycles)
    return statistics.median(cycle[part][clock] for cycle in cycles)


def show(found: Mapping[str, list[Cycle]], threads: int, cycles: int) -> None:
    print(
        f"{threads} thread{'s' if threads > 1 else ''}, median of {cycles} cycles; seconds, and TRL's over them"
    )
    for clock, name_of_clock in enumerate(("wall", "processor")):
        print(
            f"  {name_of_clock:17s}     cycle          generation     updates        of the products' cycle"
        )
        for name, taken in found.items():
            parts = [middle(taken, part, clock) for part in ("whole", "generation", "update")]
            theirs = [middle(found[TRL], part, clock) for part in ("whole", "generation", "update")]
            text = "   ".join(
                f"{ours:5.2f} ({trl / ours:4.2f}x)" for ours, trl in zip(parts, theirs, strict=True)
            )
            distance = parts[0] / middle(found[FLOOR], "whole", clock)
            peak = f"peak {taken[-1]['peak']} MiB" if clock else ""
            print(f"  {name:17s} {text}   {distance:4.1f}x   {peak}", flush=True)


def main() -> int:
    """Print a table a number of threads."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trl-python", required=True, help="a Python that has TRL")
    parser.add_argument("--cycles", type=int, default=7)
    parser.add_argument("--threads", default="1,2")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        for threads in map(int, given.threads.split(",")):
            folder = Path(place) / f"{threads}" / "model"
            work.build_model(folder)
            logs, words = folder.parent, [str(folder), str(given.cycles + 2), str(threads)]
            trainers = {TRL: start("trainer_trl", given.trl_python, words, threads, logs / f"{TRL}.log")}
            for name, options in OURS.items():
                trainers[name] = start(
                    "trainer_ours", sys.executable, [*words, *options], threads, logs / f"{name}.log"
                )
            trainers[FLOOR] = start("trainer_floor", sys.executable, words, threads, logs / f"{FLOOR}.log")
            show(cycles_of(trainers, given.cycles, logs), threads, given.cycles)
    return 0


if __name__ == "__main__":
    sys.exit(main())
