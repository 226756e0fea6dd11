"""`hydra/sweeper=sspo`: Hydra's multirun with the ledger, leases and workers of `sweeps`.

Hydra executes this file at the start of every Hydra program, before it is a module. So it imports `sweeps` late and does not
use future annotations, with which its dataclass could not resolve its types.
"""

from dataclasses import dataclass
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


@dataclass
class SspoSweeperConf:
    """The options `hydra.sweeper.KEY=VALUE`."""

    _target_: str = "hydra_plugins.sspo_sweeper.sspo_sweeper.SspoSweeper"
    study: str = ""
    """Name of the study of the combinations; empty derives one from the cells, so that the same command gives the same name."""
    baseline: str = ""
    """The arm that others are tested against; empty for the first one that trains with a clip."""
    test: str = "welch"
    plan: bool = False
    """Show what would run, and run nothing."""
    workers: int | None = None
    """Number of concurrent trials; null for one per CUDA device, or per processor if there are no devices."""
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
        """Keep the arguments; Hydra's launcher is not needed, because trials are separate processes."""
        self.hydra_context, self.config = hydra_context, config

    def sweep(self, arguments: list[str]) -> int:
        """Run the missing combinations of `arguments`."""
        from sweeps.integrations.hydra_multirun import run_words

        return run_words(arguments, self.options)
