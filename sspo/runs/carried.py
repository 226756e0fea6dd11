"""planned.json of a run folder: the study and arm that ordered it, as they were when the run began.

A sweep writes it once, before the trainer starts.

    study, preset                               the plan
    arm, label, role, cell, seed, level,
    against, target_clip_frac                   the run's part in it
    promises                                    baseline, test, primary, gates, ... of the study
    amended                                     whether these had been changed after results were visible
    registration, registered, amendment         digest and time of the registration, digest of its last amendment; null
                                                if there was none, or if the run had begun before this was written
    started                                     when it was written, UTC; null if the run had begun before

A report without git can thus state what was fixed before the runs, and a deleted manifest can be restored. It does not affect
what the run computes: the trainer neither writes nor reads it.
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
    """Return the current time in the format of records."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def carry(folder: Path, content: Mapping[str, Any]) -> None:
    """Write the study and arm that ordered a run to its folder, unless the file exists.

    A run that began without the file does not claim that its registration preceded it.
    """
    if (folder / PLANNED).is_file():
        return
    begun = any((folder / name).exists() for name in (CONFIG, ENVIRONMENT, METRICS))
    text = json.dumps({**content, **(UNKNOWN if begun else {"started": utc_now()})}, indent=1, sort_keys=True)
    folder.mkdir(parents=True, exist_ok=True)
    write_atomic(folder / PLANNED, text + "\n", first=True)
