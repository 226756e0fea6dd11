"""The fence: a run that a sweep took for dead and gave to another worker must not write on when it wakes up.

A worker names the claim that it runs under in the environment, and every write of a run looks at it first: a claim that
was ended from outside, or that another one follows, is lost. The look comes right before the write and not with it, so a
process that is frozen just between the two still finishes that one write.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

VARIABLE = "SSPO_CLAIM"
"""Path of the claim's file, `<folder>/<number>.json`; not set for a run that no sweep started."""


class ClaimLost(SystemExit):
    """The run belongs to another worker now: leave at once, and mark nothing."""


def check() -> None:
    """Raise ClaimLost where this process runs under a claim that it no longer has."""
    claim = os.environ.get(VARIABLE)
    if claim and is_lost(Path(claim)):
        raise ClaimLost(f"this run was taken over by another worker: {claim} is ended; nothing was written")


def is_lost(claim: Path) -> bool:
    """Whether a claim that this process once took has been ended or followed by another."""
    if file_of(claim.parent, int(claim.stem) + 1).exists():
        return True
    try:
        return bool(json.loads(claim.read_text(encoding="utf-8"))["outcome"])
    except FileNotFoundError:
        return True


def file_of(folder: Path, number: int) -> Path:
    """The file of a folder's claim of that number. Numbers count from 1 and none is used twice."""
    return folder / f"{number:04d}.json"
