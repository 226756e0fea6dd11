"""`make bench-analysis`: 1,000 runs x 1,000 steps x 40 metrics (1.8 GB) to all tables and figures, cold and warm.

Runs are written to a temporary folder beforehand. Cold: no cached columns and no report. Warm: the same report again,
with the columns and the logs of the first. Then plain pandas reads the same metrics files, and what is wanted is a share of
its time: machines differ. Wall and processor seconds are printed beside each other: on a busy machine the first says little.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pyarrow as pa
import pyarrow.compute as pc
from rich.progress import track

from analysis.logs.column_cache import FOLDER
from analysis.logs.compact import METRIC_KEYS
from sspo.metrics import GLOSSARY
from sspo.runs.identity import cell_folder
from sspo.runs.runlog import EVAL, METRICS

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "analysis"))
from synthetic_store import ARMS, SETS, FakeArm, Scale, write_study

RUNS, STEPS, UPDATES = 1000, 1000, 4
KEYS = (*METRIC_KEYS, *(key for key in GLOSSARY if key not in METRIC_KEYS))[:40]
QUESTIONS, SAMPLES, CURVE_POINTS, CURVE_QUESTIONS = 12, 4, 10, 6
WANTED = {"cold": 0.7, "warm": 0.2}
"""At most so many times the seconds that pandas takes to load the same logs."""
WANTED_GIB = 3.0


@dataclass(frozen=True)
class Cost:
    """What one command took, all its processes together."""

    wall: float
    cpu: float
    gib: float
    """The most memory at one moment; pages that processes share count for each."""


def main() -> int:
    """Write the runs, measure, and say what was wanted beside what was got."""
    folder = Path(tempfile.mkdtemp(prefix="bench-analysis-"))
    try:
        paths = write_runs(folder / "runs")
        size = sum(path.stat().st_size for path in paths) / 1e9
        print(f"{len(paths):,} runs x {STEPS:,} steps x {len(KEYS)} metrics: {size:.2f} GB of JSON lines")
        report = [sys.executable, "-m", "analysis", "report", "toy", "--preset", "paper"]
        report += ["--store", str(folder / "runs"), "--out", str(folder / "reports")]
        shutil.rmtree(folder / "runs" / FOLDER, ignore_errors=True)
        costs = {"cold": measure(report), "warm": measure(report)}
        naive = [sys.executable, "-c", PLAIN, *map(str, paths)]
        costs["pandas, loading alone"] = measure(naive)
        show(costs)
        page = folder / "reports" / "toy" / "index.html"
        print(f"index.html: {page.stat().st_size / 1e6:.2f} MB")
    finally:
        shutil.rmtree(folder)
    plain = costs["pandas, loading alone"].wall
    met = all(costs[name].wall <= most * plain for name, most in WANTED.items())
    return 0 if met and costs["cold"].gib <= WANTED_GIB else 1


PLAIN = "import sys, pandas as pd; pd.concat([pd.read_json(path, lines=True) for path in sys.argv[1:]])"


def show(costs: dict[str, Cost]) -> None:
    """A line a command; load is what the machine did besides."""
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    plain = costs["pandas, loading alone"]
    for name, cost in costs.items():
        most = f" (at most {WANTED[name]:g} wanted)" if name in WANTED else ""
        print(
            f"{name:>22}: {cost.wall:6.1f} s wall, {cost.cpu:6.1f} s processor, {cost.gib:.2f} GiB: {cost.wall / plain.wall:.2f} times "
            f"pandas' wall{most} and {cost.cpu / plain.cpu:.2f} times its processor time"
        )


def measure(command: Sequence[str]) -> Cost:
    """Run a command to its end. Raises RuntimeError where it fails."""
    began = time.perf_counter()
    process = psutil.Popen(command)
    most, before = 0, os.times()
    while process.poll() is None:
        most = max(most, _memory(process))
        time.sleep(0.05)
    wall, after = time.perf_counter() - began, os.times()
    if process.returncode:
        raise RuntimeError(f"{command[:4]} ended with {process.returncode}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Cost(wall, cpu, most / 2**30)


def _memory(process: psutil.Process) -> int:
    try:
        family = [process, *process.children(recursive=True)]
        return sum(one.memory_info().rss for one in family)
    except psutil.Error:  # ended meanwhile
        return 0


def write_runs(store: Path) -> list[Path]:
    """A study of RUNS runs in the product's own format; its metrics files."""
    arms = [replace(arm, offset=RUNS) if arm.role == "aa" else arm for arm in ARMS]
    trained = len(arms) - 1
    manifest = write_study(store, arms, Scale(seeds=1, rollouts=1))
    rng = np.random.default_rng(0)
    cells = {arm["name"]: arm["cell"] for arm in manifest["arms"]}
    paths = []
    for turn in track(range(RUNS), "writing runs", transient=True):
        arm, seed = arms[1 + turn % trained], turn // trained
        folder = cell_folder(store, cells[arm.name], arm.offset + seed)
        if seed:
            shutil.copytree(cell_folder(store, cells[arm.name], arm.offset), folder)
        (folder / METRICS).write_bytes(metric_lines(arm, rng))
        (folder / EVAL).write_bytes(answer_lines(arm, rng))
        paths.append(folder / METRICS)
    for i, planned in enumerate(manifest["arms"][1:]):
        planned["seeds"] = [planned["seeds"][0] + k for k in range(len(range(i, RUNS, trained)))]
    (store / "studies" / "toy.paper.json").write_text(json.dumps(manifest))
    return paths


def metric_lines(arm: FakeArm, rng: np.random.Generator) -> bytes:
    """STEPS lines of KEYS, every value another number of full length."""
    steps = np.arange(STEPS)
    parts: list[pa.Array | str] = []
    counters = {"step": steps + 1, "rollout": steps // UPDATES, "update": steps % UPDATES}
    for key, values in counters.items():
        parts += [f'{", " if parts else "{"}"{key}": ', pa.array(values).cast(pa.string())]
    level = np.where([key.startswith("policy/clip") for key in KEYS], arm.clip, arm.level)
    noise = rng.random((len(KEYS), STEPS))
    for key, start, values in zip(KEYS, level, noise, strict=True):
        parts += [f', "{key}": ', pa.array(start * (0.5 + values)).cast(pa.string())]
    lines = pc.binary_join_element_wise(*parts, "}\n", "")
    return b"".join(line.as_buffer().to_pybytes() for line in lines)


def answer_lines(arm: FakeArm, rng: np.random.Generator) -> bytes:
    """Final answers at T = 1 and greedy, and CURVE_POINTS smaller evaluations while training."""
    last = STEPS // UPDATES - 1
    kinds = [(last, True, "sampled", 1.0, QUESTIONS, SAMPLES), (last, True, "greedy", 0.0, QUESTIONS, 1)]
    every = (last + 1) // CURVE_POINTS
    kinds += [
        (every * (i + 1) - 1, False, "sampled", 1.0, CURVE_QUESTIONS, 1) for i in range(CURVE_POINTS - 1)
    ]
    rows = [
        (rollout, final, name, f"{name}/{q}", mode, temperature, sample)
        for rollout, final, mode, temperature, questions, samples in kinds
        for name in SETS
        for q in range(questions)
        for sample in range(samples)
    ]
    names = ["rollout", "final", "set", "question", "mode", "temperature", "sample"]
    table = pd.DataFrame(rows, columns=names)
    right = rng.random(len(rows)) < np.clip(arm.level + 0.05 * rng.normal(), 0.02, 0.98)
    table = table.assign(value=right.astype(float), status=np.where(right, "ok", "wrong"), tokens=50)
    return table.to_json(orient="records", lines=True).encode()


if __name__ == "__main__":
    sys.exit(main())
