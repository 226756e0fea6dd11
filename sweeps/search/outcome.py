"""The result of a search. Its score is not reportable, because it is the best of many on the same seeds that selected it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from rich.console import Console
from rich.text import Text

from sspo.runs.runlog import write_atomic
from sweeps.monitor.revisions import warnings
from sweeps.plan.plan import Trial
from sweeps.search.cells import cell_at
from sweeps.search.history import Tally, tally
from sweeps.search.spec import Search
from sweeps.study.spec import PAPER_SEEDS

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial


def status_line(name: str, found: Tally) -> str:
    """Return the trials by state and the best score, in one line."""
    best = "no score yet"
    if found.best is not None:
        best = f"best {found.best.value:.4f} (trial {found.best.number}{_tied(found)})"
    return f"search {name}: {found.complete} scored, {found.pruned} pruned, {found.failed} failed, {found.open} open; {best}"


def _tied(found: Tally) -> str:
    return f"; {_named(found.ties)} tied" if found.ties else ""


def _named(numbers: Sequence[int]) -> str:
    *others, last = map(str, numbers)
    return f"trials {', '.join(others)} and {last}" if others else f"trial {last}"


def show_outcome(search: Search, preset: str, study: Study, folder: Path, console: Console) -> int:
    """Print the result and write a study that confirms it. Returns 1 if nothing was scored, else 0."""
    trials = study.get_trials(deepcopy=False)
    found = tally(trials, search.head.retries)
    _print(console, status_line(study.study_name, found))
    for trial in trials:
        if trial.state.name == "FAIL":
            _print(
                console,
                f"  trial {trial.number} {trial.user_attrs.get('reason')}: {trial.user_attrs.get('message')}",
            )
    for line in warnings(runs_of(search, preset, trials, folder.parent)):
        _print(console, line)
    if found.best is None:
        return 1
    _print_best(found.best, console)
    path = folder / f"{study.study_name}.confirm.yaml"
    text = confirming_study(search, preset, found.best)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_atomic(path, text)
    seeds = ", ".join(map(str, search.presets[preset].seeds))
    command = shlex.join(["python", "-m", "sspo.train", *found.best.user_attrs["overrides"], "seed=0"])
    _print(
        console,
        f"This score is the best of {found.complete} on the seeds that selected it ({seeds}) and so biased upward; never report it. Train "
        f"fresh seeds: `{command}`, or the study in {path}: copy it to conf/study/{search.name}_confirm.yaml and run "
        f"`make sweep NAME={search.name}_confirm PRESET=paper`",
    )
    return 0


def confirming_study(search: Search, preset: str, best: FrozenTrial) -> str:
    """Return the spec of a study that compares the best trial with the first point of the search, on seeds that the search did not use."""
    start = search.points[0] if search.points else {}
    words = {
        "start": list(cell_at(search, preset, start).overrides),
        "found": list(best.user_attrs["overrides"]),
    }
    same = cell_at(search, preset, start).name == best.user_attrs["cell"]
    arms = {
        name: {"overrides": overrides} for name, overrides in words.items() if not (same and name == "found")
    }
    primary = search.head.primary
    spec = {
        "title": f"{search.head.title or search.name}: the best trial of the search, on fresh seeds",
        "question": "Does the best trial of the search score higher than its first point, on seeds that did not select it?",
        "baseline": "start",
        "test": "paired",
        "primary": {"mode": primary.mode, "temperature": primary.temperature},
        "arms": arms,
        "presets": {
            "smoke": {"seeds": [0]},
            "default": {"seeds": [0, 1, 2]},
            "paper": {"seeds": list(range(PAPER_SEEDS))},
        },
    }
    head = f"# Trial {best.number} of search {search.name} ({preset}), cell {best.user_attrs['cell']}.\n"
    return head + str(yaml.safe_dump(spec, sort_keys=False, allow_unicode=True, width=120))


def runs_of(search: Search, preset: str, trials: Sequence[FrozenTrial], store: Path) -> list[Trial]:
    """Return the runs of every cell that the search has started, each once."""
    cells = dict.fromkeys(trial.user_attrs["cell"] for trial in trials if "cell" in trial.user_attrs)
    return [
        Trial(arm="", seed=seed, overrides=(), rollouts=0, store=store, cell=cell)
        for cell in cells
        for seed in search.presets[preset].seeds
    ]


def _print_best(best: FrozenTrial, console: Console) -> None:
    attributes = best.user_attrs
    seeds = ", ".join(f"seed {seed} {score:.4f}" for seed, score in attributes["seeds"].items())
    interval = attributes["interval95"]
    text = f"best: trial {best.number}, {best.value:.4f} ({seeds}"
    if interval is not None:
        text += f"; 95% t interval {interval[0]:.4f} to {interval[1]:.4f}, which ignores the selection"
    _print(console, f"{text}), cell {attributes['cell']}")
    for key, value in best.params.items():
        _print(console, f"  {key} = {json.dumps(value)}")


def _print(console: Console, text: str) -> None:
    console.print(Text(text), soft_wrap=True)
