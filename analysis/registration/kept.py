"""Copies of the registration and of the looks beside a report's logs, so that a report can show them without git and without the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from analysis.logs.compact import LOOKS, MANIFEST, REGISTRATION, RUNS
from analysis.logs.manifest import ARMS, from_manifest, part, read_json
from analysis.registration.looks import Look, append_look, looks_from, read_looks
from analysis.registration.marks import shares
from analysis.registration.record import FOLDER, as_text, read_registration
from analysis.registration.standing import REGISTERED, Standing, stands
from sspo.errors import UserError
from sspo.runs.carried import utc_now
from sspo.runs.runlog import write_atomic


def keep(logs: Path, folder: Path = FOLDER, *, look: bool, of_store: bool) -> None:
    """Update the copies before a report is made, and record the report if it is a look.

    `look` requests tests although the study is not finished. A report made from compact logs alone (not `of_store`) keeps its
    copy of the registration. Raises UserError if the registration is damaged or a look cannot be recorded.
    """
    manifest = part(read_json(logs / MANIFEST), ARMS)
    study = from_manifest(manifest)
    everyone, compared = read_json(logs / RUNS), sum(len(arm.seeds) for arm in study.arms)
    runs, others = everyone[:compared], everyone[compared:]  # others: those of a tuning
    registration = read_registration(study.name, folder) if of_store else None
    if (
        registration is not None
    ):  # otherwise a copy from an earlier report stays: the digest that the runs carry shows whether it is theirs
        known = registration.preset == study.preset or shares(registration, study)
        _write(logs / REGISTRATION, registration.content() if known else None)
    content = read_json(logs / REGISTRATION) if (logs / REGISTRATION).is_file() else None
    if content is None:
        _write(logs / LOOKS, None)
        return
    if not of_store and not look:
        return
    seen = _copied(logs)
    if of_store:  # a look recorded in either place was taken, even if the other record was lost
        seen = sorted({*seen, *read_looks(study.name, folder)}, key=lambda one: one.time)
    now = stands(manifest, runs, content, [asdict(one) for one in seen], study, others)
    taken = _taken(now, study.preset, seen, look=look)
    if taken is not None:
        append_look(study.name, taken, folder)
        seen.append(taken)
    _write(logs / LOOKS, [asdict(one) for one in seen] or None)


def kept_looks(logs: Path) -> list[Mapping[str, Any]]:
    """Return the looks beside a report's logs, as they are written there. Raises UserError if the file is damaged."""
    path = logs / LOOKS
    found: Any = read_json(path) if path.is_file() else []
    if not isinstance(found, list):
        raise UserError(
            f"{path} is damaged: it is not a list of looks; restore it or report from run folders"
        )
    return found


def _copied(logs: Path) -> list[Look]:
    return list(looks_from(kept_looks(logs)))


def _taken(now: Standing, preset: str, seen: list[Look], *, look: bool) -> Look | None:
    """Return the look that a report in this standing takes; None if it takes none, or one at data that were looked at before."""
    if now.state != REGISTERED or now.finished or not (look or now.at_look is not None):
        return None
    if any(one.same(preset, now.seeds, now.ended) for one in seen):
        return None
    planned = now.at_look is not None
    return Look(time=utc_now(), preset=preset, seeds=now.seeds, ended=now.ended, planned=planned)


def _write(path: Path, content: Any) -> None:
    """Write a copy if it differs; remove it if there is nothing to copy."""
    if content is None:
        path.unlink(missing_ok=True)
    elif not path.is_file() or path.read_text(encoding="utf-8") != as_text(content):
        write_atomic(path, as_text(content))
