"""The record of a tuning, restored from a report's compact logs, so that a fresh clone continues with the same points."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from sspo.config.json_file import read_object
from sspo.runs.revision import git
from sweeps.control.restore import MANIFEST, REMEDY, RUNS, flaw_of, own_logs
from sweeps.ledger.store import refuse_foreign
from sweeps.plan.tuned import meaning_of, record_path, tuning_from, write_tuning
from sweeps.study.spec import Study


def restore_record(
    study: Study, preset: str, store: Path, reports: Path, console: Console, *, committed: bool
) -> bool:
    """Write the record that a report's compact logs hold, if the store has none and the study still tunes in the same way.

    With `committed`, only from logs that git has: others may be about to be remade. Returns whether it was written. Raises UserError
    if it cannot be written, and for a damaged manifest.
    """
    refuse_foreign(store)
    path = record_path(study.name, preset, store)
    logs = own_logs(study.name, preset, reports)
    if study.tune is None or path.exists() or not (logs / MANIFEST).is_file():
        return False
    if committed and not git("ls-files", "--error-unmatch", str((logs / RUNS).resolve())):
        return False
    manifest: dict[str, Any] = read_object(logs / MANIFEST, REMEDY) or {}
    tuned = manifest.get("tuning") or {}
    if tuned.get("meaning") != meaning_of(study, preset):
        return False
    flaw = flaw_of(logs)
    if flaw is not None:
        console.print(Text(f"nothing is restored from {logs}: {flaw}"), soft_wrap=True)
        return False
    found = tuning_from(tuned, logs / MANIFEST)
    write_tuning(found, study.name, preset, store)
    trials = sum(len(arm.trials) for arm in found.arms.values())
    text = f"restored the record of a tuning from {logs}: {trials} trials" + (
        " and the chosen points" if found.settled else ""
    )
    console.print(Text(text), soft_wrap=True)
    return True
