"""Weights & Biases as a mirror: no account, no prompt and no network unless `tracking=wandb_online`."""

from __future__ import annotations

import functools
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from sspo.config import TrainConfig
from sspo.config.json_file import read_object
from sspo.runs.identity import cell_hash
from sspo.runs.mirror import Mirror
from sspo.runs.mirror_tables import Table
from sspo.runs.planned import plans_of
from sspo.runs.runlog import ENVIRONMENT, Row

MIRROR = "wandb"
"""W&B's folder inside a run folder."""
PROGRAM = "sspo"
"""Sent to W&B instead of the machine's name, which often contains its owner's."""


OF_ENVIRONMENT = (
    "base",
    "code_key",
    "code_sha256",
    "epoch",
    "git_diff_sha256",
    "git_revision",
    "hardware",
    "hub",
    "python",
    "versions",
)
"""Fields of env.json that are mirrored: none that names a place on this machine."""
LONGEST_TAG = 64
"""Characters; W&B refuses a run with a longer one."""
NO_PLACES = (("segmentation", "pattern"), ("rollout", "stop"), ("prompt", "system"))
"""Options that are texts, even if they look like paths."""
STATE, ENDED, DIVERGED, FAILED = "run/state", "done", "diverged", "failed"
OF_THE_END = ("seconds", "rollout0_sha256")
"""Fields of DONE.json that are mirrored."""


class Tracker(Protocol):
    """Receives every line of metrics.jsonl, and the end of the run."""

    def log(self, row: Row) -> None:
        """Mirror a new line."""
        ...

    def finish(self, state: str, ended: Mapping[str, Any]) -> None:
        """End the mirror: the run ended in `state`, with `ended` as the content of DONE.json. Flush and close."""
        ...


class NoTracker:
    """tracking=none."""

    def log(self, row: Row) -> None:
        """Do nothing."""

    def finish(self, state: str, ended: Mapping[str, Any]) -> None:
        """Do nothing."""


class WandbTracker:
    """One W&B run per training run, grouped by study and cell so that a group's spread is over seeds alone.

    W&B loses its in-memory data when it is killed, and a sync keeps one history of two offline folders with one id.
    Every process therefore restarts the mirror, under the same id, with the current content of the run folder's logs.
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
            tags=[f"cell:{cell}", f"arm:{arm}"[:LONGEST_TAG]],
            config={**mirrored(config), "cell": cell, **_origin(config, folder)},
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
        self.there: int = self.run.step
        """Online, data on the server is final except for the last evaluation: a process killed during it had sent only
        its step.
        """
        self.mirror = Mirror(folder)
        self._send()

    def log(self, row: Row) -> None:
        """Mirror the current content of the logs; null values are left out."""
        self._send()

    def finish(self, state: str, ended: Mapping[str, Any]) -> None:
        """Mirror the rest and the end, flush and close. A run that diverged was scored, so it did not fail."""
        self._send()
        last = {f"run/{key}": ended[key] for key in OF_THE_END if key in ended}
        self.run.log({STATE: state, **last}, step=max(self.mirror.at, self.there))
        self.run.finish(exit_code=int(state == FAILED))

    def _send(self) -> None:
        for entry in self.mirror.fresh():
            sent = entry if entry.step >= self.there else entry.of_the_end(self.there)
            tables = {key: _in_file(table) for key, table in sent.tables.items()}
            if sent.values or tables:
                self.run.log({**sent.values, **tables}, step=sent.step)


def _in_file(table: Table) -> Any:
    return _table_in_file()(
        columns=list(table.columns), data=[list(row) for row in table.rows], allow_mixed_types=True
    )


@functools.lru_cache(maxsize=1)
def _table_in_file() -> Any:
    """Return a wandb.Table stored only as a file of its run: W&B would put a copy into an artifact, which names the
    user's home.
    """
    import wandb

    class InFile(wandb.Table):  # type: ignore[misc]
        _log_type = "table-in-file"

    return InFile


def _origin(config: TrainConfig, folder: Path) -> dict[str, Any]:
    """Return the origin of the numbers, for tables made from mirrors alone: code, versions and the study's plan."""
    found = read_object(folder / ENVIRONMENT, "run that seed again") or {}
    environment = {key: found[key] for key in OF_ENVIRONMENT if key in found}
    return {"environment": environment, "plans": plans_of(config)}


def mirrored(config: TrainConfig) -> dict[str, Any]:
    """Return the configuration for W&B: without the store, and with only the last part of other paths on this machine.

    Home folders contain their owners' names, and a mirror is often shared more widely than a checkout.
    """
    content = asdict(config)
    del content["run"]["store"]
    shown = {key: _named_by_last_part(value) for key, value in content.items()}
    for group, key in NO_PLACES:
        shown[group][key] = content[group][key]
    return shown


def _named_by_last_part(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _named_by_last_part(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_named_by_last_part(inner) for inner in value]
    is_place = isinstance(value, str) and (value.startswith("~") or Path(value).is_absolute())
    return Path(value).name if is_place else value


def run_id(config: TrainConfig) -> str:
    """Return an id that is the same for every process that works on a run, whatever study orders it."""
    return f"{cell_hash(config)}-seed{config.seed}"


def _discard(mirror: Path) -> None:
    """Rename the mirror before deleting it: W&B's service may briefly outlive a killed process and write there."""
    going = mirror.with_name(".wandb-superseded")
    shutil.rmtree(going, ignore_errors=True)
    if mirror.exists():
        mirror.rename(going)
        shutil.rmtree(going, ignore_errors=True)


def build_tracker(config: TrainConfig, folder: Path) -> Tracker:
    """Return the tracker that tracking.mode names."""
    return NoTracker() if config.tracking.mode == "none" else WandbTracker(config, folder)
