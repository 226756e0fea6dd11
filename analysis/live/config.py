"""What the dashboard asks of runs' configurations, which are read once for all runs of an arm: they differ in their seed."""

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
    """What is asked of a configuration; nothing is known of a run that has written none."""

    planned: int | None = None
    """Rollouts of the whole run."""
    ratio: str | None = None
    level: str | None = None
    """The folder level that this code would give it; None where the configuration says nothing to this code."""


class Configurations:
    """Reads configurations, and makes sense of every different one once."""

    def __init__(self) -> None:
        self._known: dict[bytes, Configured | Damaged] = {}
        """By content without the seed."""

    def of(self, folder: Path) -> Configured:
        """That of a run folder. Raises Damaged."""
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
            raise Damaged(runlog.CONFIG, "trainer.rollouts is no whole number")
    except Damaged as error:
        return error
    except UserError as error:
        return Damaged(runlog.CONFIG, str(error))
    try:
        level = level_of(build(TrainConfig, config))
    except UserError:
        level = None
    return Configured(planned, None if ratio is None else str(ratio), level)
