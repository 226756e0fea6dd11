"""The interface of an importer: how logs of one kind are recognized and read, and which of their names are keys of ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from analysis.importers.logged import Logged

RUN_COLUMNS, ARM, SEED = ("run", "run_id", "run_name"), "arm", "seed"


@dataclass(frozen=True)
class Named:
    """What an import says of columns: which is the step, which name arm and seed. None is what they are called here."""

    step: str | None = None
    arm: str | None = None
    seed: str | None = None

    @property
    def of_run(self) -> tuple[str, ...]:
        """Return the columns that split a table into runs, if it has them."""
        return (*RUN_COLUMNS, self.arm or ARM, self.seed or SEED)


@dataclass(frozen=True)
class Same:
    """A glossary key, and the setting of the run's configuration under which the definitions agree."""

    key: str
    setting: str = ""
    values: tuple[str, ...] = ()


def _no_file(path: Path, head: bytes) -> bool:
    return False


def _no_runs(path: Path, named: Named) -> list[Logged]:
    return []


@dataclass(frozen=True, kw_only=True)
class Importer:
    """One line of read.IMPORTERS. A format has `matches` and `read`, a tool that logs into formats of others has names."""

    matches: Callable[[Path, bytes], bool] = _no_file
    """Whether a file, given by its path and first bytes, is of this kind."""
    read: Callable[[Path, Named], list[Logged]] = _no_runs
    """Reads the runs of such a file."""
    in_folder: Callable[[Path, Named], list[Logged]] = _no_runs
    """Reads the runs of the logs directly in a folder."""
    names: Mapping[str, Same] = field(default_factory=dict)
    """The tool's names to our keys, only if the definitions agree. Every other name is kept as
    `foreign/<tool>/<name>`; docs/logs.md explains why a similar name is missing here."""
    marks: frozenset[str] = frozenset()
    """Names that show, in a log of any format, that the tool wrote it."""
    prefix: str = ""
    """Prefix that the tool may add to every name."""
