"""`make bench-plan`: seconds to plan a study of 500 cells and 1,000 trials, half of them finished in the store.

Each round is a process of its own, so that nothing is cached; the processor's seconds are not stretched by others on the
machine.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import yaml

from sspo.compose.fast import quick_compose
from sspo.runs.runlog import CONFIG, DONE, ENVIRONMENT
from sweeps.plan.plan import Plan, make_plan
from sweeps.study.load import parse

ROUNDS, CELLS, SEEDS = 3, 500, 2
OBJECTIVES = ("grpo", "dapo", "dr_grpo", "rloo", "sspo_fixed")
RULES = ("token", "subsentence", "sentence", "line", "response")
SPEC = {
    "baseline": "grpo_token_lr1_clip1",
    "factors": {
        "objective": {"levels": {name: f"objective={name}" for name in OBJECTIVES}},
        "rule": {"levels": {name: f"segmentation={name}" for name in RULES}},
        "lr": {"levels": {str(k): f"trainer.lr={k}e-4" for k in range(1, 6)}},
        "clip": {"levels": {str(k): f"objective.clip.high=0.{k}" for k in range(1, 5)}},
    },
    "design": {"kind": "factorial", "against": {"objective": "grpo"}},
    "presets": {"smoke": {"seeds": 1}, "default": {"seeds": SEEDS}, "paper": {"seeds": 8}},
}


def plan(store: Path) -> Plan:
    """The default preset."""
    return make_plan(parse("bench", SPEC), "default", store)


def fill(store: Path) -> None:
    """Half of the trials finished."""
    for trial in plan(store).trials()[::2]:
        trial.folder.mkdir(parents=True)
        config = json.loads(json.dumps(asdict(quick_compose(trial.overrides))))
        (trial.folder / CONFIG).write_text(yaml.safe_dump(config))
        hardware = {"device": "cpu", "threads": 1}
        (trial.folder / ENVIRONMENT).write_text(json.dumps({"hardware": hardware}))
        (trial.folder / DONE).write_text('{"seconds": 60.0}')


def measure(store: Path) -> None:
    """Print the plan as `sweeps plan` does, and to stderr what it took after the imports."""
    from rich.console import Console

    from sweeps.monitor.plan_view import show_plan

    wall, cpu = time.perf_counter(), time.process_time()
    made = plan(store)
    composed = time.process_time()
    show_plan(made, 2, Console(width=160))
    now = time.process_time()
    cells = len({arm.cell for arm in made.arms})
    print(
        f"{cells} cells, {len(made.trials())} trials: {now - cpu:.2f} s of processor ({composed - cpu:.2f} s to compose, "
        f"{now - composed:.2f} s to read the store and print), {time.perf_counter() - wall:.2f} s of wall time",
        file=sys.stderr,
    )


def main() -> None:
    """Measure in fresh processes, with the last lines of the plan once."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder)
        fill(store)
        for index in range(ROUNDS):
            command = [sys.executable, "-m", "tests.bench.plan", str(store)]
            start = time.perf_counter()
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            if index == 0:
                print("\n".join(done.stdout.splitlines()[-7:]))
            print(f"{done.stderr.strip()}; with imports {time.perf_counter() - start:.2f} s", flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(Path(sys.argv[1]))
    else:
        main()
