"""What was asked of a sweep from another terminal or machine: a word in a file, which every worker of it reads now and then."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from sspo.errors import UserError
from sspo.runlog import write_atomic
from sweeps.ledger import read_json
from sweeps.manifest import manifest_path, stem
from sweeps.plan import Plan
from sweeps.spec import DEFAULT_PRESET

RUN, PAUSE, STOP = "run", "pause", "stop"
WISH = "wish.json"


def control_folder(plan: Plan) -> Path:
    """`<store>/studies/<stem>.control`: the claims of the sweep's controllers and what was asked of them."""
    return manifest_path(plan).with_name(f"{stem(plan)}.control")


def typed(plan: Plan, command: str) -> str:
    """A command on the plan as one types it."""
    preset = "" if plan.preset == DEFAULT_PRESET else f" --preset {plan.preset}"
    return f"`sweeps {command} {plan.study.name}{preset}`"


def wish_of(plan: Plan) -> str:
    """The last wish, `run` where there never was one."""
    content = read_json(control_folder(plan) / WISH, "delete it to let the sweep go on") or {}
    return str(content.get("wish", RUN))


def wisher(plan: Plan) -> Callable[[], str]:
    """What a pool asks for the last wish."""
    return lambda: wish_of(plan)


def wish(plan: Plan, word: str) -> None:
    """Write a wish down. Raises UserError where the store cannot be written."""
    path = control_folder(plan) / WISH
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, json.dumps({"wish": word}) + "\n")
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}; mend that and say it again") from error
