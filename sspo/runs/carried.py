"""planned.json of a run folder: what ordered the run, as it was when the run began. Written once by a sweep, before the trainer.

    study, preset                               whose plan
    arm, label, role, cell, seed, level,
    against, target_clip_frac                   what the run is in it
    promises                                    baseline, test, primary, gates, ... of the study
    amended                                     whether these had been changed by then with results there to see
    registration, registered, amendment         digest and time of the registration, digest of its last amendment; null
                                                where there was none, or where the run had begun before this was written
    started                                     when it was written, UTC; null where the run had begun before

So a report without git can tell what was fixed before the runs, and a manifest that was deleted can be made again. It is no
part of what the run computes: the trainer neither writes nor reads it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sspo.runs.runlog import CONFIG, ENVIRONMENT, METRICS, write_atomic

PLANNED = "planned.json"
UNKNOWN = {"registration": None, "registered": None, "amendment": None, "started": None}


def utc_now() -> str:
    """The time as records have it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def carry(folder: Path, content: Mapping[str, Any]) -> None:
    """Leave what ordered a run in its folder, unless something has already.

    A run that has begun without it does not claim that its registration preceded it.
    """
    if (folder / PLANNED).is_file():
        return
    begun = any((folder / name).exists() for name in (CONFIG, ENVIRONMENT, METRICS))
    text = json.dumps({**content, **(UNKNOWN if begun else {"started": utc_now()})}, indent=1, sort_keys=True)
    folder.mkdir(parents=True, exist_ok=True)
    write_atomic(folder / PLANNED, text + "\n", first=True)
