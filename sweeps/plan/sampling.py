"""Checks, before any work, that this environment can sample and train as trials require, in the interpreter that runs them."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec

from sspo.config import OWN_BACKEND, OWN_ENGINE, TrainConfig
from sspo.config.backends.verl import VERL
from sspo.config.compatibility import backend_of, why_not_trained
from sspo.errors import UserError
from sweeps.plan.plan import Trial

PACKAGES = {"vllm": "vllm"}
"""The package that a rollout engine requires besides our own environment, by the engine's name."""


def why_not_sampled(engine: str) -> str | None:
    """Return why rollout.engine is unavailable in this environment, and the remedy; None if it is available."""
    package = PACKAGES.get(engine)
    if package is None or find_spec(package) is not None:
        return None
    return (
        f"rollout.engine={engine} requires {package}, which is not in this environment: run `make setup-{package}`, then run the "
        f"whole study there, as in `make sweep NAME=... {package.upper()}=1`"
    )


def why_not_run(config: TrainConfig) -> str | None:
    """Return why a run's engine or backend is unavailable in this environment, and the remedy; None if both are available."""
    engine = config.rollout.engine
    return _why_not(engine, backend_of(config), config.run.verl_python)


def refuse_unsampled(trials: Iterable[Trial]) -> None:
    """Raise UserError for the first of the trials to run whose engine or backend is not in this environment or cannot use all of its devices."""
    for trial in trials:
        _refuse_nodes(trial)
        if trial.resources.devices > 1 and trial.sampler == OWN_ENGINE:
            raise UserError(
                f"arm '{trial.arm}' requires {trial.resources.devices} CUDA devices per trial, and rollout.engine={trial.sampler} uses one: set "
                "resources.gpus=1 for it, or rollout.engine=vllm"
            )
        if trial.resources.devices > 1 and trial.backend not in (OWN_BACKEND, VERL):
            raise UserError(
                f"arm '{trial.arm}' requires {trial.resources.devices} CUDA devices per trial, and trainer.backend={trial.backend} trains on one: "
                "set resources.gpus=1 for it"
            )
        reason = _why_not(trial.sampler, trial.backend, trial.verl_python)
        if reason is not None:
            raise UserError(f"arm '{trial.arm}': {reason}")


def _why_not(engine: str, backend: str, verl_python: str | None) -> str | None:
    """Return why an engine or a backend is unavailable here; verl samples in the environment of its job."""
    sampled = None if backend == VERL else why_not_sampled(engine)
    return sampled or why_not_trained(backend, engine, verl_python)


def _refuse_nodes(trial: Trial) -> None:
    """Raise UserError for nodes that a backend would leave idle."""
    nodes = trial.resources.nodes
    if nodes > 1 and trial.backend != VERL:
        raise UserError(
            f"arm '{trial.arm}' requires {nodes} nodes per trial, and trainer.backend={trial.backend} trains on one: set "
            f"resources.nodes=1 for it, or trainer.backend={VERL}"
        )
