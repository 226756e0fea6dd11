"""Checks, before any work, that the store is writable and has enough space."""

from __future__ import annotations

import shutil
from pathlib import Path

from sspo.errors import UserError

BYTES_PER_TRIAL = 5_000_000
"""Size of logs, checkpoints and recordings of the embedded base; a larger base needs more."""

KNOWN = ("cells", "studies", "searches", "tunings", "multiruns", "exports")
"""Folders of which every nonempty store has at least one."""

LEAST_FREE = 1_000_000
"""Free bytes below which a disk counts as full."""


def is_full(store: Path) -> bool:
    """Return whether the disk of the store is full."""
    return shutil.disk_usage(store).free < LEAST_FREE


def refuse_foreign(store: Path) -> None:
    """Raise UserError if the store is a folder that holds something other than runs. Dot files are ignored."""
    try:
        names = sorted(path.name for path in store.iterdir() if not path.name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        return  # nothing foreign; `check_store` reports a store that cannot be written
    except OSError as error:
        raise UserError(
            f"cannot read the store {store}: {error.strerror}; pass a folder of runs with --store"
        ) from error
    if names and not set(KNOWN) & set(names):
        raise UserError(
            f"the store {store} holds something other than runs ({', '.join(names[:3])}{', ...' if names[3:] else ''}); pass an "
            "empty or new folder, or one with earlier runs, with --store"
        )


def check_store(store: Path, trials: int) -> None:
    """Raise UserError if the store cannot be written, or has less free space than `trials` runs need."""
    probe = store / ".probe"
    try:
        store.mkdir(parents=True, exist_ok=True)
        try:
            probe.write_text("probe\n", encoding="utf-8")
        finally:
            probe.unlink(missing_ok=True)
        free = shutil.disk_usage(store).free
    except OSError as error:
        raise UserError(
            f"cannot write to the store {store}: {error.strerror}; pass a writable folder with --store"
        ) from error
    needed = trials * BYTES_PER_TRIAL
    if free < needed:
        raise UserError(
            f"the store {store} has {free / 1e6:.0f} MB free and {trials} trials need about {needed / 1e6:.0f} MB; "
            "free some space or pass another folder with --store"
        )
