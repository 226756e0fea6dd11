"""What was asked of a sweep from another terminal or machine: a word in a file, which every worker of it reads now and then."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from sspo.errors import UserError
from sspo.runs.runlog import write_atomic
from sweeps.ledger.state import read_json
from sweeps.plan.manifest import manifest_path, stem
from sweeps.plan.plan import Plan
from sweeps.study.spec import DEFAULT_PRESET

RUN, PAUSE, STOP = "run", "pause", "stop"
WISH = "wish.json"


def control_folder(plan: Plan) -> Path:
    """`<store>/studies/<stem>.control`: the claims of the sweep's controllers and what was asked of them."""
    return manifest_path(plan).with_name(f"{stem(plan)}.control")


def typed(plan: Plan, command: str) -> str:
    """A command on the plan as one types it."""
    preset = "" if plan.preset == DEFAULT_PRESET else f" --preset {plan.preset}"
    return f"`sweeps {command} {plan.study.name}{preset}`"


@dataclass(frozen=True)
class Wisher:
    """What a pool, or a job on another machine, asks for the last wish."""

    folder: Path
    """As `control_folder`."""

    def __call__(self) -> str:
        """The last wish, `run` where there never was one."""
        content = read_json(self.folder / WISH, "delete it to let the sweep go on") or {}
        return str(content.get("wish", RUN))


def wisher(plan: Plan) -> Wisher:
    """Who knows the last wish for the plan's sweep."""
    return Wisher(control_folder(plan))


def wish_of(plan: Plan) -> str:
    """The last wish for the plan's sweep."""
    return wisher(plan)()


def no_wish() -> str:
    """For what nobody steers."""
    return RUN


def wish(plan: Plan, word: str) -> None:
    """Write a wish down. Raises UserError where the store cannot be written."""
    path = control_folder(plan) / WISH
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, json.dumps({"wish": word}) + "\n")
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}; mend that and say it again") from error
