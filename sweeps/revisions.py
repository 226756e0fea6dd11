"""Which code made the finished runs of a study: numbers from different code should not share a table unnoticed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sspo.runlog import DONE, ENVIRONMENT
from sweeps.ledger import read_json
from sweeps.plan import Trial

SHORT = 10


def code_of(trial: Trial) -> str | None:
    """The code hash that a finished run recorded, shortened; None where it is not finished.

    The hash and not the revision: a commit that leaves the training code alone does not change what ran.
    """
    if not (trial.folder / DONE).is_file():
        return None
    environment = read_json(trial.folder / ENVIRONMENT) or {}
    return str(environment.get("code_sha256") or "unknown")[:SHORT]


def warning(trials: Sequence[Trial]) -> str | None:
    """A sentence where finished runs come from more than one state of the code, else None."""
    counts = Counter(code for code in map(code_of, trials) if code is not None)
    if len(counts) < 2:
        return None
    parts = ", ".join(f"{runs} runs from code {code}" for code, runs in counts.most_common())
    return f"warning: finished runs mix states of the code: {parts}"
