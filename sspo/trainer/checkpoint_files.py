"""The checkpoint folders of a run: each appears whole or not at all, the last few are kept, and one is continued from.

    rollout<k>/             after k finished rollouts
        model.safetensors, config.json, tokenizer.json, ...     the model as transformers loads it: trainer/saved_model.py
        optimizer.safetensors, state.json                       what else a Trainer is made again from
        logs.json           how far each log and which recordings it covers, with digests
        SHA256SUMS          of all the others, as `sha256sum --check` reads it

What SHA256SUMS lists is the checkpoint; of before, when a model was its weights alone, there are some of four files. A checkpoint
is continued from where its own files and all that it covers are what was written, so that no log can get a hole: otherwise the one
before it is, and in the end the base model.
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
"""What every checkpoint has beside its weights."""
WEIGHTS = re.compile(r"(adapter_)?model(-\d{5}-of-\d{5})?\.safetensors")
"""Files of weights: one, or several of a large model; adapters alone where only they are trained."""
DIGEST = re.compile(r"([0-9a-f]{64})  ([^/\0]+)")


def folder_name(rollouts: int) -> str:
    """The name of a checkpoint after so many finished rollouts."""
    return f"rollout{rollouts:06d}"


def checkpoints(folder: Path) -> list[Path]:
    """All of a run's, oldest first, whole or not."""
    return sorted(folder.glob("rollout*"))


def add(
    folder: Path, rollouts: int, fill: Callable[[Path], None], covered: Mapping[str, Extent], *, keep: int
) -> None:
    """Add the checkpoint that `fill` writes into a folder, and drop all but the last `keep`.

    What it covers must be on the disk already. Raises OSError, and leaves nothing of it, where it cannot be written, and
    LeaseLost where the run went to another worker meanwhile.
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
    """Drop all but the last `keep`."""
    for old in checkpoints(folder)[:-keep]:
        drop(old)


def drop(checkpoint: Path) -> None:
    """Delete one, if it is there, so that none is ever there in part."""
    fence.check()
    if checkpoint.is_dir():
        going = checkpoint.with_name(f".dropped-{checkpoint.name}")
        checkpoint.rename(going)
        shutil.rmtree(going)


def clear_leftovers(folder: Path) -> None:
    """Delete what a killed process was writing or dropping."""
    fence.check()
    for leftover in folder.glob(".*"):
        shutil.rmtree(leftover)


def flaw(checkpoint: Path) -> str | None:
    """What is wrong with a checkpoint's own files, in words; None where they are what was written."""
    try:
        wanted = _digests(checkpoint)
    except FileNotFoundError:
        return f"it has no {SUMS}"
    except ValueError:
        return f"its {SUMS} is damaged"
    for name, digest in wanted.items():
        if extent_of(checkpoint / name).sha256 != digest:
            return f"its {name} is not what was written"
    return None


def _digests(checkpoint: Path) -> dict[str, str]:
    """What SHA256SUMS lists, by file. Raises ValueError where it is not as `add` wrote it, and FileNotFoundError.

    A list that was cut short lacks what stands last in it, which every checkpoint has.
    """
    *lines, rest = (checkpoint / SUMS).read_text(encoding="utf-8").split("\n")
    found = [DIGEST.fullmatch(line) for line in lines]
    wanted = {line[2]: line[1] for line in found if line}
    whole = not rest and len(wanted) == len(lines) and wanted.keys() >= set(BESIDE)
    if not whole or not any(map(WEIGHTS.fullmatch, wanted)):
        raise ValueError(f"{checkpoint / SUMS} lists no checkpoint")
    return wanted


def weight_files(checkpoint: Path) -> list[Path]:
    """The files that hold a checkpoint's weights."""
    return sorted(path for path in checkpoint.iterdir() if WEIGHTS.fullmatch(path.name))


def weights_digest(checkpoint: Path) -> str:
    """The SHA-256 of a whole checkpoint's weights: of their file, or of the list of several."""
    digests = {name: digest for name, digest in _digests(checkpoint).items() if WEIGHTS.fullmatch(name)}
    if len(digests) == 1:
        return next(iter(digests.values()))
    listed = "".join(f"{digests[name]}  {name}\n" for name in sorted(digests))
    return hashlib.sha256(listed.encode()).hexdigest()


def covered_by(checkpoint: Path) -> dict[str, Extent]:
    """How far each log goes that a whole checkpoint covers."""
    extents = json.loads((checkpoint / LOGS).read_text(encoding="utf-8"))
    return {name: Extent(**extent) for name, extent in extents.items()}


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What a run continues from."""

    checkpoint: Path | None = None
    """None for the base model."""
    covered: Mapping[str, Extent] = field(default_factory=dict)
    refused: Mapping[Path, str] = field(default_factory=dict)
    """Later checkpoints that are not used, each with the reason."""

    def sentence(self) -> str | None:
        """What to tell the user; None where nothing was refused."""
        if not self.refused:
            return None
        reasons = "; ".join(
            f"checkpoint {path.name} is not used: {why}" for path, why in self.refused.items()
        )
        where = "the base model" if self.checkpoint is None else self.checkpoint.name
        return f"{reasons}; going on from {where}"


def choose(folder: Path, log: RunLog | None = None) -> Choice:
    """The last checkpoint that is whole and, where a log is given, whose logs are all there."""
    refused: dict[Path, str] = {}
    for checkpoint in reversed(checkpoints(folder)):
        why = flaw(checkpoint)
        covered = {} if why else covered_by(checkpoint)
        why = why or (log.lacks(covered) if log else None)
        if why is None:
            return Choice(checkpoint=checkpoint, covered=covered, refused=refused)
        refused[checkpoint] = why
    return Choice(refused=refused)
