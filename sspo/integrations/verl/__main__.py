"""`python -m sspo.integrations.verl key=value ...`: verl's own main_ppo with our trainer, after a check of everything that can be
checked before a cluster starts. The options are verl's; ours are under trainer.v1.sspo.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sspo.config.backends.verl import VERL_VERSION, other_version, version_here
from sspo.console.one_sentence import one_sentence
from sspo.errors import UserError
from sspo.integrations.verl.names import (
    DIVERGED,
    DONE,
    ERROR,
    FAILED_ANSWER,
    MODULES,
    NAME,
    OUTCOME,
    PLUGIN,
    REFUSED,
    WRITTEN_FOR,
)
from sspo.runs.runlog import write_atomic
from sspo.trainer.optim import Diverged

IN_WORKERS = f"+ray_kwargs.ray_init.runtime_env.env_vars.{MODULES}"


def main() -> int:
    """Run the command. Exit status 0: trained. 1: failed. 2: refused before any work, or by a sentence of ours in it."""
    overrides = sys.argv[1:]
    modules = [*filter(None, os.environ.get(MODULES, "").split(","))]
    os.environ[MODULES] = ",".join(modules if PLUGIN in modules else [*modules, PLUGIN])
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra would end the process instead of raising
    if not any(override.startswith(IN_WORKERS) for override in overrides):
        overrides.append(f"{IN_WORKERS}='{os.environ[MODULES]}'")
    job: Path | None = None
    try:
        check_version()
        job = check(overrides)
        run(overrides)
    except UserError as error:
        _say(job, REFUSED, str(error))
        raise
    except Diverged as error:
        _say(job, DIVERGED, str(error))
        print(f"diverged: {error}", file=sys.stderr)
        return 1
    except Exception as error:
        _say(job, ERROR, _why(job, error))
        raise
    _say(job, DONE, "")
    return 0


def check_version() -> None:
    """Raise UserError if verl is missing here, or another version."""
    found = version_here()
    if found != VERL_VERSION:
        remedy = "run `make setup-verl` and use .venv-verl/bin/python"
        raise UserError(other_version(WRITTEN_FOR, "this environment", found, remedy))


def check(overrides: Sequence[str]) -> Path | None:
    """Compose verl's configuration and read our options in it; return the folder of a trial. Raises UserError."""
    from omegaconf.errors import MissingMandatoryValue

    config = composed(overrides)
    mode = config.trainer.v1.trainer_mode
    if mode != NAME:
        raise UserError(
            f"trainer.v1.trainer_mode={mode} is a trainer of verl's own: set trainer.v1.trainer_mode={NAME}"
        )
    try:
        from sspo.integrations.verl import plugin  # noqa: F401 (registers)
        from sspo.integrations.verl.job.options import read_options
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"our plug-in for verl cannot be imported: {type(error).__name__}: {error}"
        ) from error
    try:
        return read_options(config).job
    except MissingMandatoryValue as error:
        raise UserError(
            f"verl's configuration: {error.full_key} has no default, and the command does not set it"
        ) from error


def composed(overrides: Sequence[str]) -> Any:
    """Return verl's configuration. Raises UserError for options that it does not have."""
    from hydra import compose, initialize_config_module
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    with initialize_config_module("verl.trainer.config", version_base=None):
        try:
            return compose("ppo_trainer", [text for text in overrides if not text.startswith("hydra.")])
        except (HydraException, OmegaConfBaseException) as error:
            raise UserError(f"verl's configuration: {' '.join(str(error).split())}") from error


def run(overrides: Sequence[str]) -> None:
    """Run verl.trainer.main_ppo. An error of ours in one of its processes is raised as what it is."""
    import ray
    from verl.trainer.main_ppo import main as main_ppo

    sys.argv = ["verl.trainer.main_ppo", *overrides]
    try:
        main_ppo()
    except ray.exceptions.RayTaskError as error:
        cause: BaseException = error
        while isinstance(cause, ray.exceptions.RayTaskError) and cause.cause is not None:
            cause = cause.cause
        if isinstance(cause, UserError | Diverged):
            raise cause from error
        raise


def _why(job: Path | None, error: Exception) -> str:
    """Return the last line of an error, or why an answer failed, which the error does not know."""
    failed = None if job is None else job / FAILED_ANSWER
    if failed is not None and failed.is_file():
        return f"an answer could not be sampled or scored: {failed.read_text(encoding='utf-8')}"
    said = str(error).strip().splitlines()
    return f"{type(error).__name__}: {said[-1] if said else ''}"


def _say(job: Path | None, reason: str, message: str) -> None:
    if job is not None:
        write_atomic(job / OUTCOME, json.dumps({"reason": reason, "message": message}) + "\n")


if __name__ == "__main__":
    sys.exit(one_sentence(main))
