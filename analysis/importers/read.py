"""Which importer a path needs, by what it holds and not by what it is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from analysis.importers.formats import json_logs, run_folder, tables, tensorboard, trl, verl, wandb_file
from analysis.importers.importer import Importer, Named
from analysis.importers.limits import shown_path
from analysis.importers.logged import Logged
from sspo.config.plugins.table import Plugin, PluginTable, check
from sspo.errors import UserError


def _own(plugin: Plugin) -> Importer:
    """A user's own importer. Raises UserError where it is none."""
    found = plugin.load()
    if not isinstance(found, Importer):
        raise UserError(
            f"{plugin.key}={plugin.name} must be an Importer of analysis.importers.importer, got {type(found).__name__}"
        )
    return found


HOUSE: Mapping[str, Importer] = {
    "sspo": run_folder.IMPORTER,
    "wandb": wandb_file.IMPORTER,
    "tensorboard": tensorboard.IMPORTER,
    "trl": trl.IMPORTER,
    "verl": verl.IMPORTER,
    "jsonl": json_logs.IMPORTER,
    "csv": tables.IMPORTER,
}
IMPORTERS: Mapping[str, Importer] = PluginTable("importer", HOUSE, _own)
"""By what a log's source is called. The first importer that matches reads a file; whose names show it first names a tool."""
WANTED = (
    "a W&B offline run, a TensorBoard event file, a trainer_state.json, JSON lines, CSV or Parquet, a run folder, "
    "or a folder of these"
)
HEAD = 1024


def read(path: Path, named: Named = Named()) -> list[Logged]:  # noqa: B008 frozen
    """The runs that a file or folder holds; a folder without logs of its own is looked into, one run a child.

    `named` says which columns are steps, arms and seeds. Raises UserError where nothing is there, or nothing that can
    be read: no other error, whatever the bytes.
    """
    where = shown_path(path)
    try:
        found = _read_by(path, named) if named.importer else _read_any(path, named)
    except OSError as error:
        said = error.strerror or " ".join(str(error).split())
        raise UserError(f"{where} cannot be read ({said}): give {WANTED}") from error
    logged = [run for run in found if any(run.rows.values())]
    if not logged:
        raise UserError(f"{where} holds no logged number: give {WANTED}")
    return logged


def _read_any(path: Path, named: Named) -> list[Logged]:
    return _read_folder(path, named) if path.is_dir() else _read_file(path, named)


def _read_by(path: Path, named: Named) -> list[Logged]:
    """The runs by the importer that the import names, whose every error becomes one sentence."""
    name = str(named.importer)
    check("importer", name, HOUSE)
    importer = IMPORTERS[name]
    try:
        if not path.is_dir():
            return _runs(name, importer.read, path, named)
        own = _runs(name, importer.in_folder, path, named)
        children = (child for child in sorted(path.iterdir()) if child.is_dir() and not child.is_symlink())
        return own or [run for child in children for run in _runs(name, importer.in_folder, child, named)]
    except (UserError, OSError):
        raise
    except Exception as error:
        raise UserError(
            f"--importer {name} cannot read {shown_path(path)} ({type(error).__name__}: {' '.join(str(error).split())})"
        ) from error


def _runs(name: str, read: Callable[[Path, Named], list[Logged]], path: Path, named: Named) -> list[Logged]:
    found = read(path, named)
    if not isinstance(found, list) or not all(isinstance(run, Logged) for run in found):
        raise UserError(
            f"--importer {name} must return a list of Logged of analysis.importers.logged, got {type(found).__name__}"
        )
    return found


def _read_folder(folder: Path, named: Named) -> list[Logged]:
    own = _own_logs(folder, named)
    if own:
        return own
    return [
        run
        for child in sorted(folder.iterdir())
        if child.is_dir() and not child.is_symlink()
        for run in _own_logs(child, named)
    ]


def _own_logs(folder: Path, named: Named) -> list[Logged]:
    """The runs of the first importer that finds any."""
    found = (importer.in_folder(folder, named) for importer in IMPORTERS.values())
    return next((runs for runs in found if runs), [])


def _read_file(path: Path, named: Named) -> list[Logged]:
    if path.exists() and not path.is_file():  # a pipe or a device has no end
        raise UserError(f"{shown_path(path)} is no regular file: give {WANTED}")
    with path.open("rb") as stream:
        head = stream.read(HEAD)
    if not head:
        raise UserError(f"{shown_path(path)} is empty: give {WANTED}")
    for importer in IMPORTERS.values():
        if importer.matches(path, head):
            return importer.read(path, named)
    raise UserError(f"{shown_path(path)} is of no kind that can be read: give {WANTED}")
