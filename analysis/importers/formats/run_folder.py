"""Run folders of this project, by their metrics; evaluations are read only in reports of the study's own store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from analysis.importers.formats import json_logs
from analysis.importers.importer import Importer, Named, Same
from analysis.importers.limits import MOST_SETTINGS_BYTES, clean
from analysis.importers.logged import BROKE_OFF, ENDED, UNKNOWN_END, Logged, flat
from analysis.importers.settings import read_settings
from analysis.logs.run_files import Damaged, configuration, marker, number, setting
from analysis.logs.run_folders import code_of, environment_of
from sspo.errors import UserError
from sspo.runs import runlog

OURS = "sspo"
"""Source of their logs."""
INDEX = ("rollout", "update")
"""Columns of our own rows besides their step. Columns of other tools with these names keep their own meaning."""


def read_folder(folder: Path, named: Named) -> list[Logged]:
    """Read the run of a run folder; none if it has no metrics log."""
    if not (folder / runlog.METRICS).is_file():
        return []
    log = json_logs.read_json_log(folder / runlog.METRICS, "step")
    done, failed = (folder / runlog.DONE).is_file(), (folder / runlog.FAILED).is_file()
    end = ENDED if done else BROKE_OFF if failed else UNKNOWN_END
    config = folder / runlog.CONFIG
    loaded = read_settings(config, MOST_SETTINGS_BYTES) if config.is_file() else {}
    return [Logged(OURS, log.files, log.rows, flat(loaded), end, log.note, made=_made(folder))]


def _made(folder: Path) -> dict[str, Any]:
    """Read what made the run. Raises UserError for a damaged file."""
    try:
        made = code_of(environment_of(folder))
        seconds = number(marker(folder, runlog.DONE) or {}, "seconds", runlog.DONE)
        return {**made, "base": made["base"] or _model(folder), "seconds": seconds}
    except Damaged as error:
        raise UserError(f"{clean(folder.name)} cannot be imported: {error}") from error


def _model(folder: Path) -> str | None:
    """Return the last part of the model's path, as a path names a machine's folders."""
    path = setting(configuration(folder), "model.path")
    return Path(str(path)).name if path else None


IMPORTER = Importer(in_folder=read_folder, names={name: Same(name) for name in INDEX})
