"""`sweeps export-wandb`: a plan as a W&B sweep, whose agents run exactly the plan's trials.

Arms may differ in any options and have their own seeds, so they do not form a grid: a grid over options would include
unplanned runs. The sweep has a single parameter instead, whose values are the names of the trials.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.text import Text

from sspo.config import OWN_ENGINE, RunConfig, TrackingConfig
from sspo.config.backends.verl import VERL
from sspo.config.compatibility import backend_of
from sspo.errors import UserError
from sspo.runs.runlog import write_atomic
from sweeps.integrations.trial import PARAMETER, trial_name
from sweeps.plan.arms import PlannedArm
from sweeps.plan.manifest import stem
from sweeps.plan.plan import Plan
from sweeps.study.spec import DEFAULT_PRESET

HEADER = """\
# {count} trials of {title}: arm, seed and cell of each. Start agents in the checkout, with its Python first on PATH:
#   wandb sweep {path}            (an account is needed from here on)
#   {devices}PATH="$PWD/{environment}/bin:$PATH" wandb agent <the printed id>
# Resources of a trial, which `sweeps trial` enforces and an agent's machine must have:
{needs}
"""


def export_sweep(plan: Plan, out: Path | None, console: Console) -> int:
    """Write the sweep's YAML, by default in the store, and print its path. Returns 0. Raises UserError if it cannot be written."""
    path = out or default_path(plan, "wandb-sweep.yaml")
    content = sweep(plan)
    foreign = any(arm.sampler != OWN_ENGINE and backend_of(arm.config) != VERL for arm in plan.arms)
    most = max(arm.resources.here(remote=arm.remote).devices for arm in plan.arms)
    head = HEADER.format(
        count=len(plan.trials()),
        title=plan.title(),
        path=path,
        devices=f"CUDA_VISIBLE_DEVICES={','.join(map(str, range(most)))} " if most > 1 else "",
        environment=".venv-vllm" if foreign else ".venv",
        needs="\n".join(f"#   {line}" for line in needs(plan)),
    )
    write(path, head + yaml.safe_dump(content, sort_keys=False, width=100, allow_unicode=True))
    console.print(
        Text(f"wrote {path}: {len(plan.trials())} trials; next: wandb sweep {path}"), soft_wrap=True
    )
    return 0


def sweep(plan: Plan) -> dict[str, Any]:
    """Return the sweep's configuration in W&B's schema."""
    options = ["--preset", plan.preset] if plan.preset != DEFAULT_PRESET else []
    if plan.store != Path(RunConfig().store):
        options += ["--store", str(plan.store.absolute())]
    arguments = [plan.study.name, *options, "--tracking", "wandb_online"]
    return {
        "program": "sweeps",
        "command": [
            "${env}",
            "${interpreter}",
            "-m",
            "${program}",
            "trial",
            *arguments,
            "${args_no_hyphens}",
        ],
        "method": "grid",
        "name": plan.title(),
        "description": "; ".join(needs(plan)),
        "project": TrackingConfig().project,
        "parameters": {PARAMETER: {"values": [trial_name(trial) for trial in plan.trials()]}},
    }


def needs(plan: Plan) -> list[str]:
    """Return the resources of trials, one line per group of arms with equal resources."""
    whose: dict[str, list[str]] = {}
    for arm in plan.arms:
        whose.setdefault(_words(arm), []).append(arm.name)
    if len(whose) == 1:
        return [f"each trial: {words}" for words in whose]
    return [f"{', '.join(names)}: {words}" for words, names in whose.items()]


def _words(arm: PlannedArm) -> str:
    taken = arm.resources
    parts = [
        _count(taken.threads, "processor"),
        _devices(arm),
        "any memory" if taken.memory_gb is None else f"at most {taken.memory_gb:g} GB of memory",
        "any time" if taken.timeout is None else f"at most {taken.timeout:g} s per attempt",
    ]
    return ", ".join([*parts, *([f"sampled by {arm.sampler}"] if arm.sampler != OWN_ENGINE else [])])


def _devices(arm: PlannedArm) -> str:
    taken = arm.resources
    if arm.remote:
        where = f"of the Ray cluster at {arm.config.run.ray_address}"
        return f"{_count(taken.per_node, 'CUDA device')} on each of {_count(taken.nodes, 'node')} {where}"
    return "a CUDA device if there is one" if taken.gpus is None else _count(taken.gpus, "CUDA device")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def default_path(plan: Plan, ending: str) -> Path:
    """Return the default path of an export of a plan."""
    return plan.store / "exports" / f"{stem(plan)}.{ending}"


def write(path: Path, text: str) -> None:
    """Write an export atomically. Raises UserError if it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, text)
    except OSError as error:
        raise UserError(
            f"cannot write {path}: {error.strerror}; fix that, or name another file with --out"
        ) from error
