"""W&B's own agent without its server: the commands that it would start for a point of a sweep's grid."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from wandb import wandb_agent


def grid(sweep: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Return every point of the grid. tests/wandb_engine compares this with W&B's own search."""
    assert sweep["method"] == "grid"
    values = {name: parameter["values"] for name, parameter in sweep["parameters"].items()}
    for point in itertools.product(*values.values()):
        yield dict(zip(values, point, strict=True))


def commands(
    sweep: Mapping[str, Any],
    points: Iterator[Mapping[str, Any]],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> list[list[str]]:
    """Return the command lines that the agent's code makes for the points; nothing is started."""
    started: list[list[str]] = []

    class Process:
        def __init__(self, command: list[str], **others: Any):
            started.append(command)

    monkeypatch.setattr(wandb_agent, "AgentProcess", Process)
    for name in ("WANDB_DIR", "WANDB_RUN_ID", "WANDB_SWEEP_PARAM_PATH"):  # the agent sets them permanently
        monkeypatch.setenv(name, str(folder))
    agent = wandb_agent.Agent(api=None, queue=None)
    agent._sweep_command = list(sweep["command"])
    for number, point in enumerate(points):
        args = {name: {"value": value} for name, value in point.items()}
        agent._command_run({"run_id": f"run{number}", "program": sweep["program"], "args": args})
    return started
