"""`sweeps export-wandb`: a plan as a W&B sweep, whose agents run exactly its trials.

Arms are differences of any kind and may have seeds of their own, so their options span no grid: a grid over options
would hold runs that nobody planned. The grid has one parameter instead, whose values are the trials by name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.text import Text

from sspo.config import OWN_ENGINE, RunConfig, TrackingConfig
from sspo.errors import UserError
from sspo.runs.runlog import write_atomic
from sweeps.integrations.trial import PARAMETER, trial_name
from sweeps.plan.manifest import stem
from sweeps.plan.plan import Plan, PlannedArm
from sweeps.study.spec import DEFAULT_PRESET

HEADER = """\
# {count} trials of {title}: arm, seed and cell of each. Start agents in the checkout, with its Python first on the path:
#   wandb sweep {path}            (an account is needed from here on)
#   {devices}PATH="$PWD/{environment}/bin:$PATH" wandb agent <the id that it prints>
# What a trial takes, which `sweeps trial` holds it to and an agent must have:
{needs}
"""


def export_sweep(plan: Plan, out: Path | None, console: Console) -> int:
    """Write the sweep's YAML, by default below the store, and say where. Returns 0; UserError where it cannot be written."""
    path = out or default_path(plan, "wandb-sweep.yaml")
    content = sweep(plan)
    foreign = any(arm.sampler != OWN_ENGINE for arm in plan.arms)
    most = max(arm.resources.devices for arm in plan.arms)
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
    """The sweep's configuration, in the keys of W&B's own schema."""
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
    """What trials take, a line for the arms that share it, or one for all."""
    whose: dict[str, list[str]] = {}
    for arm in plan.arms:
        whose.setdefault(_words(arm), []).append(arm.name)
    if len(whose) == 1:
        return [f"each trial: {words}" for words in whose]
    return [f"{', '.join(names)}: {words}" for words, names in whose.items()]


def _words(arm: PlannedArm) -> str:
    taken = arm.resources
    said = [
        _count(taken.threads, "processor"),
        "a CUDA device where there is one" if taken.gpus is None else _count(taken.gpus, "CUDA device"),
        "any memory" if taken.memory_gb is None else f"at most {taken.memory_gb:g} GB of memory",
        "any time" if taken.timeout is None else f"at most {taken.timeout:g} s an attempt",
    ]
    return ", ".join([*said, *([f"sampled by {arm.sampler}"] if arm.sampler != OWN_ENGINE else [])])


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def default_path(plan: Plan, ending: str) -> Path:
    """Where an export of a plan goes unless told otherwise."""
    return plan.store / "exports" / f"{stem(plan)}.{ending}"


def write(path: Path, text: str) -> None:
    """Write an export whole. Raises UserError where it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, text)
    except OSError as error:
        raise UserError(
            f"cannot write {path}: {error.strerror}; mend that, or name another file with --out"
        ) from error
