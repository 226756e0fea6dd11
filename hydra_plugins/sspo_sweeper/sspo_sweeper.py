"""`hydra/sweeper=sspo`: Hydra's multirun on the ledger, leases and workers of `sweeps`.

Hydra executes this file at the start of every program of its own before it is a module, so it imports `sweeps` late and
has no future annotations: with them its dataclass could not find its own types.
"""

from dataclasses import dataclass
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


@dataclass
class SspoSweeperConf:
    """What `hydra.sweeper.KEY=VALUE` sets."""

    _target_: str = "hydra_plugins.sspo_sweeper.sspo_sweeper.SspoSweeper"
    study: str = ""
    """Name of the study that the combinations make; empty takes one from the cells, so that the same command has the same."""
    baseline: str = ""
    """The arm that others are tested against; empty takes the first one that trains with a clip."""
    test: str = "welch"
    plan: bool = False
    """Say what would run, and run nothing."""
    workers: int | None = None
    """Trials at a time; null for one a CUDA device, or a processor where there is none."""
    retry_failed: bool = False
    timeout: float | None = None
    """Seconds after which a trial is stopped; null for no limit."""


ConfigStore.instance().store(group="hydra/sweeper", name="sspo", node=SspoSweeperConf, provider="sspo")


class SspoSweeper(Sweeper):  # type: ignore[misc]
    """Runs every combination as a trial of the ledger; returns the exit status of the sweep."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.options = options

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Nothing of Hydra's is needed: trials are processes of their own."""
        self.hydra_context, self.config = hydra_context, config

    def sweep(self, arguments: list[str]) -> int:
        """Run what is missing of the combinations of `arguments`."""
        from sweeps.integrations.hydra_multirun import run_words

        return run_words(arguments, self.options)
