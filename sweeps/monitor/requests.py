"""Control requests to a sweep from another terminal or machine: one word in a file that every worker reads regularly."""

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
REQUEST_FILE = "wish.json"


def control_folder(plan: Plan) -> Path:
    """Return `<store>/studies/<stem>.control`, which holds the leases of the sweep's controllers and the control request."""
    return manifest_path(plan).with_name(f"{stem(plan)}.control")


def typed(plan: Plan, command: str) -> str:
    """Return a command on the plan as it is typed."""
    preset = "" if plan.preset == DEFAULT_PRESET else f" --preset {plan.preset}"
    return f"`sweeps {command} {plan.study.name}{preset}`"


@dataclass(frozen=True)
class RequestReader:
    """Reads the last control request, for a pool or for a job on another machine."""

    folder: Path
    """The folder from `control_folder`."""

    def __call__(self) -> str:
        """Return the last request, `run` if there never was one."""
        content = read_json(self.folder / REQUEST_FILE, "delete it to let the sweep continue") or {}
        return str(content.get("wish", RUN))


def request_reader(plan: Plan) -> RequestReader:
    """Return a callable that reads the latest control request of the plan's sweep."""
    return RequestReader(control_folder(plan))


def last_request(plan: Plan) -> str:
    """Return the last control request for the plan's sweep."""
    return request_reader(plan)()


def no_request() -> str:
    """Return the default for what accepts no control requests."""
    return RUN


def write_request(plan: Plan, word: str) -> None:
    """Write a control request. Raises UserError if the store cannot be written."""
    path = control_folder(plan) / REQUEST_FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, json.dumps({"wish": word}) + "\n")
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}; fix that and repeat the command") from error
