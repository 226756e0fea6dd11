"""Whether this environment can sample as trials want to: asked before any work, of the interpreter that runs them."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec

from sspo.config import OWN_ENGINE
from sspo.errors import UserError
from sweeps.plan.plan import Trial

PACKAGES = {"vllm": "vllm"}
"""What an engine of rollouts takes besides our own environment, by its name."""


def why_not_sampled(engine: str) -> str | None:
    """Why rollout.engine cannot be had in this environment, and what to do; None where it can."""
    package = PACKAGES.get(engine)
    if package is None or find_spec(package) is not None:
        return None
    return (
        f"rollout.engine={engine} takes {package}, which is not in this environment: run `make setup-{package}`, then the whole "
        f"study there, as in `make sweep NAME=... {package.upper()}=1`"
    )


def refuse_unsampled(trials: Iterable[Trial]) -> None:
    """Raise UserError for the first of the trials, which are to run, whose engine is not in this environment, or has no use for
    its devices."""
    for trial in trials:
        if trial.resources.devices > 1 and trial.sampler == OWN_ENGINE:
            raise UserError(
                f"arm '{trial.arm}' wants {trial.resources.devices} CUDA devices a trial, and rollout.engine={trial.sampler} uses one: set "
                "resources.gpus=1 for it, or rollout.engine=vllm"
            )
        reason = why_not_sampled(trial.sampler)
        if reason is not None:
            raise UserError(f"arm '{trial.arm}': {reason}")
