"""Settings that the dashboard reads from runs' configurations; the runs of an arm differ only in their seed
and share one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from analysis.logs.run_files import Damaged, setting
from sspo.config import TrainConfig
from sspo.config.build import build
from sspo.config.yaml_file import LARGEST, parse_mapping
from sspo.errors import UserError
from sspo.runs import runlog
from sspo.runs.identity import level_of

SEED = re.compile(rb"^seed: \d+$", re.MULTILINE)


@dataclass(frozen=True)
class Configured:
    """The settings read from a configuration; all None for a run that has not written one."""

    planned: int | None = None
    """Rollouts of the whole run."""
    ratio: str | None = None
    level: str | None = None
    """The folder level that this code would give it; None if this code cannot build the configuration."""


class Configurations:
    """Reads configurations and parses each different one once."""

    def __init__(self) -> None:
        self._known: dict[bytes, Configured | Damaged] = {}
        """Keyed by content without the seed."""

    def of(self, folder: Path) -> Configured:
        """Return the settings of a run folder. Raises Damaged."""
        try:
            with (folder / runlog.CONFIG).open("rb") as stream:
                content = SEED.sub(b"", stream.read(LARGEST + 1))
        except FileNotFoundError:
            return Configured()
        if content not in self._known:
            self._known[content] = _configured(content)
        found = self._known[content]
        if isinstance(found, Damaged):
            raise Damaged(found.file, str(found))
        return found


def _configured(content: bytes) -> Configured | Damaged:
    try:
        config = parse_mapping(content, Path(runlog.CONFIG))
        planned, ratio = setting(config, "trainer.rollouts"), setting(config, "objective.ratio")
        if planned is not None and type(planned) is not int:
            raise Damaged(runlog.CONFIG, "trainer.rollouts is not a whole number")
    except Damaged as error:
        return error
    except UserError as error:
        return Damaged(runlog.CONFIG, str(error))
    try:
        level = level_of(build(TrainConfig, config))
    except UserError:
        level = None
    return Configured(planned, None if ratio is None else str(ratio), level)
