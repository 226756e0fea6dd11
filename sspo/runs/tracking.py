"""Weights & Biases as a mirror: no account, no prompt and no network unless `tracking=wandb_online`."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from sspo.config import TrainConfig
from sspo.runs.identity import cell_hash
from sspo.runs.runlog import METRICS, Row

MIRROR = "wandb"
"""W&B's folder inside a run folder."""
PROGRAM = "sspo"
"""What W&B is told instead of the machine's name, which is often its owner's."""


class Tracker(Protocol):
    """Receives every line of metrics.jsonl."""

    def log(self, row: Row) -> None:
        """Mirror one optimiser step."""
        ...

    def finish(self) -> None:
        """Flush and close."""
        ...


class NoTracker:
    """tracking=none."""

    def log(self, row: Row) -> None:
        """Nothing to mirror to."""

    def finish(self) -> None:
        """Nothing to close."""


class WandbTracker:
    """One W&B run a training run, grouped by study and cell so that a group's spread is over seeds alone.

    W&B loses what it had in memory when it is killed, and of two offline folders with one id a sync keeps one history.
    So every process begins the mirror anew, under the same id, with the lines that metrics.jsonl holds by then.
    """

    def __init__(self, config: TrainConfig, folder: Path):
        os.environ.setdefault("WANDB_SILENT", "true")
        import wandb

        _discard(folder / MIRROR)
        cell = cell_hash(config)
        arm = config.run.arm or config.objective.name
        online = config.tracking.mode == "wandb_online"
        self.run: Any = wandb.init(
            mode="online" if online else "offline",
            id=run_id(config),
            resume="allow" if online else None,
            project=config.tracking.project,
            group=f"{config.run.study or 'single'}-{cell}",
            job_type="train",
            name=f"{arm}-seed{config.seed}",
            tags=[f"cell:{cell}", f"arm:{arm}"],
            config=mirrored(config),
            dir=str(folder),
            settings=wandb.Settings(
                console="off",
                disable_git=True,
                x_disable_stats=True,
                x_disable_meta=True,
                x_disable_machine_info=True,
                host=PROGRAM,
            ),
        )
        there = self.run.step  # online, what the server has stays
        for row in logged(folder):
            if row["step"] >= there:
                self.log(row)

    def log(self, row: Row) -> None:
        """Mirror one optimiser step; null values are left out."""
        self.run.log({key: value for key, value in row.items() if value is not None}, step=row["step"])

    def finish(self) -> None:
        """Flush and close."""
        self.run.finish()


def mirrored(config: TrainConfig) -> dict[str, Any]:
    """The configuration as W&B gets it: without the store, and with the last part alone of other places on this machine.

    Home folders have the names of their owners, and a mirror is often shared further than a checkout.
    """
    content = asdict(config)
    del content["run"]["store"]
    return {key: _named_by_last_part(value) for key, value in content.items()}


def _named_by_last_part(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _named_by_last_part(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_named_by_last_part(inner) for inner in value]
    is_place = isinstance(value, str) and Path(value).expanduser().is_absolute()
    return Path(value).name if is_place else value


def run_id(config: TrainConfig) -> str:
    """The same for every process that works on a run, whatever study asks for it."""
    return f"{cell_hash(config)}-seed{config.seed}"


def _discard(mirror: Path) -> None:
    """Out of the way first: W&B's service may outlive a killed process for a moment and write there."""
    going = mirror.with_name(".wandb-superseded")
    shutil.rmtree(going, ignore_errors=True)
    if mirror.exists():
        mirror.rename(going)
        shutil.rmtree(going, ignore_errors=True)


def logged(folder: Path) -> Iterator[Row]:
    """The lines of a run's metrics.jsonl."""
    path = folder / METRICS
    if path.is_file():
        with path.open(encoding="utf-8") as stream:
            yield from map(json.loads, stream)


def build_tracker(config: TrainConfig, folder: Path) -> Tracker:
    """The tracker that tracking.mode names."""
    return NoTracker() if config.tracking.mode == "none" else WandbTracker(config, folder)
