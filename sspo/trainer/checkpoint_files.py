"""The checkpoint folders of a run: each appears completely or not at all, and the last few are kept.

    rollout<k>/             after k finished rollouts
        model.safetensors, config.json, tokenizer.json, ...     the model as transformers loads it: trainer/saved_model.py
        optimizer.safetensors, state.json                       the rest of a Trainer's state
        logs.json           the extent of each log and the recordings it covers, with digests
        SHA256SUMS          of all other files, in the format of `sha256sum --check`

The files listed in SHA256SUMS are the checkpoint; older checkpoints, whose model was its weights alone, have four
files. A run resumes from a checkpoint only if its own files and all files that it covers are unchanged, so that no log
can get a hole; otherwise it resumes from the previous one, and finally from the base model.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from sspo.runs import fence
from sspo.runs.logfile import Extent, extent_of, sync
from sspo.runs.runlog import RunLog

MODEL, ADAPTERS = "model.safetensors", "adapter_model.safetensors"
OPTIMIZER, STATE = "optimizer.safetensors", "state.json"
LOGS, SUMS = "logs.json", "SHA256SUMS"
BESIDE = (OPTIMIZER, STATE, LOGS)
"""Files of every checkpoint besides its weights."""
WEIGHTS = re.compile(r"(adapter_)?model(-\d{5}-of-\d{5})?\.safetensors")
"""Weight files: one, or several for a large model; only adapters if only they are trained."""
DIGEST = re.compile(r"([0-9a-f]{64})  ([^/\0]+)")


def folder_name(rollouts: int) -> str:
    """Return the name of a checkpoint after a number of finished rollouts."""
    return f"rollout{rollouts:06d}"


def checkpoints(folder: Path) -> list[Path]:
    """Return all checkpoint folders of a run, oldest first, complete or not."""
    return sorted(folder.glob("rollout*"))


def add(
    folder: Path, rollouts: int, fill: Callable[[Path], None], covered: Mapping[str, Extent], *, keep: int
) -> None:
    """Add the checkpoint that `fill` writes into a folder, and delete all but the last `keep`.

    Covered files must already be on disk. Raises OSError, and leaves no part of it, if it cannot be written, and
    LeaseLost if another worker took over the run.
    """
    partial = folder / f".partial-{os.getpid()}"
    try:
        partial.mkdir(parents=True)
        fill(partial)
        extents = {name: asdict(extent) for name, extent in covered.items()}
        (partial / LOGS).write_text(json.dumps(extents, indent=1), encoding="utf-8")
        names = sorted((path.name for path in partial.iterdir()), key=lambda name: (name in BESIDE, name))
        sums = "".join(f"{extent_of(partial / name).sha256}  {name}\n" for name in names)
        (partial / SUMS).write_text(sums, encoding="utf-8")
        for name in (*names, SUMS):
            sync(partial / name)
        sync(partial)
        final = folder / folder_name(rollouts)
        drop(final)
        fence.check()
        partial.rename(final)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    sync(folder)
    keep_last(folder, keep)


def keep_last(folder: Path, keep: int) -> None:
    """Delete all but the last `keep`."""
    for old in checkpoints(folder)[:-keep]:
        drop(old)


def drop(checkpoint: Path) -> None:
    """Delete a checkpoint, if it exists, atomically."""
    fence.check()
    if checkpoint.is_dir():
        going = checkpoint.with_name(f".dropped-{checkpoint.name}")
        checkpoint.rename(going)
        shutil.rmtree(going)


def clear_leftovers(folder: Path) -> None:
    """Delete the leftovers of a process that was killed while writing or deleting."""
    fence.check()
    for leftover in folder.glob(".*"):
        shutil.rmtree(leftover)


def flaw(checkpoint: Path) -> str | None:
    """Return what is wrong with a checkpoint's own files, in words, or None if they are unchanged."""
    try:
        wanted = _digests(checkpoint)
    except FileNotFoundError:
        return f"it has no {SUMS}"
    except ValueError:
        return f"its {SUMS} is damaged"
    for name, digest in wanted.items():
        if extent_of(checkpoint / name).sha256 != digest:
            return f"its {name} has changed since it was written"
    return None


def _digests(checkpoint: Path) -> dict[str, str]:
    """Return the digests in SHA256SUMS, by file. Raises ValueError if it differs from what `add` writes, and
    FileNotFoundError.

    A truncated list lacks its last entry, which every checkpoint has.
    """
    *lines, rest = (checkpoint / SUMS).read_text(encoding="utf-8").split("\n")
    found = [DIGEST.fullmatch(line) for line in lines]
    wanted = {line[2]: line[1] for line in found if line}
    whole = not rest and len(wanted) == len(lines) and wanted.keys() >= set(BESIDE)
    if not whole or not any(map(WEIGHTS.fullmatch, wanted)):
        raise ValueError(f"{checkpoint / SUMS} does not list a checkpoint")
    return wanted


def weight_files(checkpoint: Path) -> list[Path]:
    """Return the files that hold a checkpoint's weights."""
    return sorted(path for path in checkpoint.iterdir() if WEIGHTS.fullmatch(path.name))


def weights_digest(checkpoint: Path) -> str:
    """Return the SHA-256 of a complete checkpoint's weights: of their file, or of the list of several."""
    digests = {name: digest for name, digest in _digests(checkpoint).items() if WEIGHTS.fullmatch(name)}
    if len(digests) == 1:
        return next(iter(digests.values()))
    listed = "".join(f"{digests[name]}  {name}\n" for name in sorted(digests))
    return hashlib.sha256(listed.encode()).hexdigest()


def covered_by(checkpoint: Path) -> dict[str, Extent]:
    """Return the extent of each log that a complete checkpoint covers."""
    extents = json.loads((checkpoint / LOGS).read_text(encoding="utf-8"))
    return {name: Extent(**extent) for name, extent in extents.items()}


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The starting point of a resumed run."""

    checkpoint: Path | None = None
    """None for the base model."""
    covered: Mapping[str, Extent] = field(default_factory=dict)
    refused: Mapping[Path, str] = field(default_factory=dict)
    """Later checkpoints that are not used, each with the reason."""

    def sentence(self) -> str | None:
        """Return the message for the user, or None if nothing was refused."""
        if not self.refused:
            return None
        reasons = "; ".join(
            f"checkpoint {path.name} is not used: {why}" for path, why in self.refused.items()
        )
        where = "the base model" if self.checkpoint is None else self.checkpoint.name
        return f"{reasons}; resuming from {where}"


def choose(folder: Path, log: RunLog | None = None) -> Choice:
    """Return the last checkpoint that is complete and, if a log is given, whose logs are all present."""
    refused: dict[Path, str] = {}
    for checkpoint in reversed(checkpoints(folder)):
        why = flaw(checkpoint)
        covered = {} if why else covered_by(checkpoint)
        why = why or (log.lacks(covered) if log else None)
        if why is None:
            return Choice(checkpoint=checkpoint, covered=covered, refused=refused)
        refused[checkpoint] = why
    return Choice(refused=refused)
