"""`make bench-replay`: the replay of a large recording, beside calling the loss at every bound, and what recording costs."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch

from sspo.compose.fast import quick_compose
from sspo.config import ClipConfig
from sspo.config.grid import parse_grid
from sspo.console.progress import Progress
from sspo.objective.micro_batch import part_loss, step_context
from sspo.objective.variants import VARIANTS
from sspo.processes import process_count
from sspo.recording.file import read_recorded
from sspo.recording.ratios import visit_ratios
from sspo.recording.recorded import RecordedRollout
from sspo.replay.tally import tally
from sspo.runs.runlog import TIMING
from sspo.runs.tracking import NoTracker
from sspo.trainer.loop import Trainer
from tests.bench.synthetic_recording import write_run

ROLLOUTS, PROMPTS, RESPONSES, TOKENS = 100, 16, 16, 64
GRID = "1e-4:1:log40"
RULES = "token,subsentence,sentence,response,random"
SHAPE = ("objective=sspo", "objective.bounds.adapt=none", "objective.bounds.alpha=0")


def main() -> None:
    """Print seconds, memory (Linux) and ratios, measured in this process or its children, one after the other."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as place:
        run = write_run(
            Path(place) / "seed0", rollouts=ROLLOUTS, prompts=PROMPTS, responses=RESPONSES, tokens=TOKENS
        )
        files = sorted((run / "recording").iterdir())
        size = sum(path.stat().st_size for path in files) / (ROLLOUTS * PROMPTS * RESPONSES * TOKENS)
        print(f"recording: {size:.1f} bytes a token a visit on disk")
        _bench_command(run, Path(place) / "out")
        recorded = read_recorded(files[0])
        _bench_grid(recorded)
    _bench_recording()


def _bench_command(run: Path, out: Path) -> None:
    command = [sys.executable, "-m", "sspo.replay", str(run), *SHAPE, f"segmentation={RULES}", f"clip={GRID}"]
    for processes in sorted({1, process_count("", None)}):
        start, peak, before = time.monotonic(), 0.0, resource.getrusage(resource.RUSAGE_CHILDREN)
        with subprocess.Popen(
            [*command, "--processes", str(processes), "--out", str(out)], stdout=subprocess.DEVNULL
        ) as process:
            while process.poll() is None:
                peak = max(peak, sum(map(_memory, _family(process.pid))))
                time.sleep(0.25)
        assert process.returncode == 0
        seconds, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
        print(
            f"replay: 40 bounds x 5 rules on {ROLLOUTS} rollouts of {PROMPTS * RESPONSES} responses x {TOKENS} tokens, "
            f"--processes {processes}: {seconds:.1f} s from start to end (20 wanted), {spent:.1f} s of processors, "
            f"{peak:.2f} GiB (2 wanted)"
        )


def _family(pid: int) -> list[int]:
    """A process and those it started; none where it has ended."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(member for child in children for member in _family(int(child)))]


def _memory(pid: int) -> float:
    """GiB of a process, with its part of what it shares; 0 where it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024**2


def _bench_grid(recorded: RecordedRollout) -> None:
    """One rollout and one rule: a pass over the grid, and the loss at each of its bounds."""
    grid = parse_grid("clip", GRID)
    objective = replace(VARIANTS["grpo"], ratio="segment")
    unit = replace(objective, clip=ClipConfig(low=1.0, high=1.0))

    start = time.perf_counter()
    tally(visit_ratios(recorded, unit), grid, grid)
    ours = time.perf_counter() - start

    batch = recorded.batch
    start = time.perf_counter()
    with torch.no_grad():
        for bound in grid:
            bounded = replace(objective, clip=ClipConfig(low=bound, high=bound))
            for update in range(recorded.visits.updates):
                row_b, logp_bT = recorded.visits.of_update(update)
                context = step_context(batch, row_b, TOKENS)
                metrics = part_loss(logp_bT, batch.rows(row_b), bounded, context).metrics
                assert metrics["policy/clip_frac"].value() is not None
    naive = time.perf_counter() - start
    print(
        f"one grid: {1000 * ours:.0f} ms, the loss at every bound {1000 * naive:.0f} ms: {naive / ours:.0f} x"
    )


def _bench_recording() -> None:
    """Real rollouts of the default recipe: what writing them down adds to their optimizer steps."""
    with tempfile.TemporaryDirectory() as place:
        config = quick_compose(
            [
                *("trainer.rollouts=4", "trainer.record=1", "tracking=none"),
                *("evaluation.every=0", "evaluation.questions=1", "evaluation.samples=1"),
            ]
        )
        trainer = Timed(config, Path(place) / "run", Progress("bench"))
        trainer.run(NoTracker())
        rows = [json.loads(line) for line in (trainer.log.folder / TIMING).read_text().splitlines()]
        updates = sum(row["seconds/update"] for row in rows)
    print(
        f"recording every rollout: {1000 * trainer.writing / len(rows):.0f} ms beside {updates / len(rows):.2f} s of "
        f"optimizer steps: {100 * trainer.writing / updates:.1f} % (5 wanted)"
    )


class Timed(Trainer):
    """Adds up what recording takes."""

    writing = 0.0

    def _keep(self, recorded: RecordedRollout) -> None:
        start = time.perf_counter()
        super()._keep(recorded)
        self.writing += time.perf_counter() - start


if __name__ == "__main__":
    main()
