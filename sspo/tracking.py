"""Weights & Biases as a mirror: no account, no prompt and no network unless `tracking=wandb_online`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from sspo.config import TrainConfig
from sspo.identity import cell_hash
from sspo.metrics import Metric


class Tracker(Protocol):
    """Receives every logged step."""

    def log(self, step: int, metrics: Mapping[str, Metric]) -> None:
        """Mirror one optimiser step."""
        ...

    def finish(self) -> None:
        """Flush and close."""
        ...


class NoTracker:
    """tracking=none."""

    def log(self, step: int, metrics: Mapping[str, Metric]) -> None:
        """Nothing to mirror to."""

    def finish(self) -> None:
        """Nothing to close."""


class WandbTracker:
    """One W&B run a training run, grouped by study and cell so that a group's spread is over seeds alone."""

    def __init__(self, config: TrainConfig, folder: Path):
        os.environ.setdefault("WANDB_SILENT", "true")
        import wandb

        cell = cell_hash(config)
        arm = config.run.arm or config.objective.name
        self.run: Any = wandb.init(
            mode="online" if config.tracking.mode == "wandb_online" else "offline",
            project=config.tracking.project,
            group=f"{config.run.study or 'single'}-{cell}",
            job_type="train",
            name=f"{arm}-seed{config.seed}",
            tags=[f"cell:{cell}", f"arm:{arm}"],
            config=asdict(config),
            dir=str(folder),
            settings=wandb.Settings(console="off", disable_git=True, x_disable_stats=True),
        )

    def log(self, step: int, metrics: Mapping[str, Metric]) -> None:
        """Mirror one optimiser step; null values are left out."""
        values = {key: metric.value() for key, metric in metrics.items()}
        self.run.log({key: value for key, value in values.items() if value is not None}, step=step)

    def finish(self) -> None:
        """Flush and close."""
        self.run.finish()


def build_tracker(config: TrainConfig, folder: Path) -> Tracker:
    """The tracker that tracking.mode names."""
    return NoTracker() if config.tracking.mode == "none" else WandbTracker(config, folder)
