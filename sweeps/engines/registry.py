"""The table of engines. Ray and submitit are imported only when their engine is opened."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.util import find_spec

from sspo.config.places import installed
from sspo.errors import UserError, unknown
from sweeps.engines import local, ray, slurm
from sweeps.engines.engine import Engine, Opened, Setup
from sweeps.engines.options import LocalOptions, Options, RayOptions, SlurmOptions, parse
from sweeps.plan.plan import Trial


@dataclass(frozen=True, kw_only=True)
class Row:
    """An engine: its options, the function that opens it, and the package that it requires."""

    options: type[Options]
    opened: Opened
    package: str | None = None
    outlives: bool = False
    """Whether trials continue after the controller has exited."""


DEFAULT_ENGINE = "local"
ENGINES = {
    DEFAULT_ENGINE: Row(options=LocalOptions, opened=local.opened),
    "ray": Row(options=RayOptions, opened=ray.opened, package="ray"),
    "slurm": Row(options=SlurmOptions, opened=slurm.opened, package="submitit", outlives=True),
}


def check_engine(name: str, words: Sequence[str], *, detach: bool) -> Options:
    """Return the options of an engine. Raises UserError for an unknown engine or option, and if a package is missing."""
    if name not in ENGINES:
        raise unknown("engine", name, ENGINES)
    row = ENGINES[name]
    options = parse(row.options, words)
    if detach and not row.outlives:
        raise UserError(f"--detach: trials of engine {name} end with this process; leave it out")
    if row.package is not None and find_spec(row.package) is None:
        here = f"`make sweep NAME=... ENGINE={name}`, or `make setup-ray` and then .venv-ray/bin/python -m sweeps"
        raise UserError(
            f"engine {name} requires {row.package}, which is not in this environment: run "
            + ("`make setup-ray`" if installed() else here)
        )
    return options


def open_engine(
    name: str, words: Sequence[str], setup: Setup, trials: Sequence[Trial]
) -> AbstractContextManager[Engine]:
    """Open an engine that has room for each of the trials, for the duration of a `with` block. Raises UserError as `check_engine`
    does, if there is no cluster, and for a trial that is too wide."""
    return ENGINES[name].opened(setup, check_engine(name, words, detach=setup.detach), trials)
