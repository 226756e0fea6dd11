"""Which importer a path needs, by what it holds and not by what it is called."""

from __future__ import annotations

from pathlib import Path

from analysis.importers import tensorboard, wandb_file
from analysis.importers.json_logs import TRAINER_STATE, read_json_log, read_run_folder
from analysis.importers.limits import shown_path
from analysis.importers.logged import Logged
from analysis.importers.tables import Named, read_table
from sspo.errors import UserError
from sspo.runs import runlog

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
        found = _read_folder(path, named) if path.is_dir() else _read_file(path, named)
    except OSError as error:
        said = error.strerror or " ".join(str(error).split())
        raise UserError(f"{where} cannot be read ({said}): give {WANTED}") from error
    logged = [run for run in found if any(run.rows.values())]
    if not logged:
        raise UserError(f"{where} holds no logged number: give {WANTED}")
    return logged


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
    if (folder / runlog.METRICS).is_file():
        return [read_run_folder(folder)]
    if files := sorted(folder.glob("*.wandb")):
        return [wandb_file.read_wandb(path, named.step) for path in files]
    if files := sorted(path for path in folder.iterdir() if tensorboard.MARK in path.name):
        return [tensorboard.read_tensorboard(files)]
    states = [folder / TRAINER_STATE, *folder.glob(f"checkpoint-*/{TRAINER_STATE}")]
    logs = [read_json_log(path) for path in states if path.is_file()]
    return [max(logs, key=lambda run: max(run.rows, default=-1))] if logs else []


def _read_file(path: Path, named: Named) -> list[Logged]:
    if path.exists() and not path.is_file():  # a pipe or a device has no end
        raise UserError(f"{shown_path(path)} is no regular file: give {WANTED}")
    with path.open("rb") as stream:
        head = stream.read(HEAD)
    if not head:
        raise UserError(f"{shown_path(path)} is empty: give {WANTED}")
    if head.startswith(wandb_file.MAGIC):
        return [wandb_file.read_wandb(path, named.step)]
    if tensorboard.MARK in path.name:
        return [tensorboard.read_tensorboard([path])]
    if head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        return [read_json_log(path, named.step)]
    if b"\0" in head and not head.startswith(b"PAR1"):
        raise UserError(f"{shown_path(path)} is of no kind that can be read: give {WANTED}")
    return read_table(path, named)
