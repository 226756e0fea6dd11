"""Planned runs that need a note: those that did not finish, or are not scored."""

from __future__ import annotations

from analysis.evidence.evidence import Evidence
from analysis.logs.run_files import DONE


def runs_to_note(evidence: Evidence) -> dict[tuple[str, str], list[str]]:
    """Return seeds by arm and reason for the planned runs that did not finish, or finished without all evaluation answers."""
    seeds: dict[tuple[str, str], list[str]] = {}
    scored = set(evidence.primary.index)
    columns = (evidence.runs[name] for name in ("arm", "seed", "status", "reason"))
    for run, (arm, seed, status, said) in enumerate(zip(*columns, strict=True)):
        reason = said if status != DONE else ""
        if status == "failed":
            reason = f"failed ({reason})"
        if status == "diverged":
            reason = "diverged, scored at its last finite checkpoint"
        if status in ("done", "diverged") and run not in scored:
            reason = f"{status}, but evaluation answers are missing: not scored"
        if reason:
            seeds.setdefault((str(arm), reason), []).append(str(seed))
    return seeds


def run_states(evidence: Evidence) -> list[str]:
    """Format runs_to_note as `arm seed k: reason`, runs of one arm with one reason together."""
    return [
        f"{arm} seed{'s' if len(seeds) > 1 else ''} {', '.join(seeds)}: {reason}"
        for (arm, reason), seeds in runs_to_note(evidence).items()
    ]
