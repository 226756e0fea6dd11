"""Pure functions of an Optuna study's trials: which are settled, and which are to be retried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

RETRY_OF = "retry_of"
"""User attribute: the number of the trial that this one retries."""
FIXED = "fixed_params"
"""Optuna's attribute of trials with a point of their own: those of the spec, and retries."""
DRAWN = "drawn"
"""User attribute of an enqueued trial whose point a sampler drew, in a history that was lost."""
GIVEN_UP = "given_up"
"""User attribute of a failed trial that is not retried because another history has done so."""
REASON = "reason"
"""User attribute of a failed trial; trials with a reason in FINAL are not retried."""
REFUSED, UNSCORED, FAILED = "refused", "unscored", "failed"
FINAL = (REFUSED, UNSCORED)


@dataclass(frozen=True, kw_only=True)
class Tally:
    """Numbers of trials of a search by state; a trial and its retries count as one."""

    complete: int
    pruned: int
    failed: int
    """Permanently failed."""
    open: int
    """Started and not yet settled."""
    best: FrozenTrial | None
    """The first trial with the highest score."""
    ties: tuple[int, ...] = ()
    """Numbers of the trials of other cells with the same score."""

    @property
    def settled(self) -> int:
        """Return the number of settled trials."""
        return self.complete + self.pruned + self.failed

    @property
    def begun(self) -> int:
        """Return the number of started trials."""
        return self.settled + self.open


def tally(trials: Sequence[FrozenTrial], retries: int) -> Tally:
    """Count trials."""
    states = [state_of(chain, retries) for chain in chains(trials)]
    complete = [trial for trial in trials if trial.state.name == "COMPLETE" and trial.value is not None]
    best = max(complete, key=lambda trial: (trial.value, -trial.number), default=None)  # type: ignore[arg-type, return-value]
    return Tally(
        complete=states.count("complete"),
        pruned=states.count("pruned"),
        failed=states.count("failed"),
        open=states.count("open"),
        best=best,
        ties=_ties(best, complete),
    )


def _ties(best: FrozenTrial | None, complete: Sequence[FrozenTrial]) -> tuple[int, ...]:
    """Return the first trial of each other cell with the best score."""
    if best is None:
        return ()
    first: dict[str, int] = {}
    for trial in complete:
        if trial.value == best.value:
            first.setdefault(str(trial.user_attrs.get("cell", trial.number)), trial.number)
    return tuple(sorted(number for number in first.values() if number != best.number))


def to_retry(trials: Sequence[FrozenTrial], retries: int) -> list[FrozenTrial]:
    """Return the last attempts that failed and are to be retried."""
    return [chain[-1] for chain in chains(trials) if _lost(chain[-1]) and not _given_up(chain, retries)]


def first_of(trial: FrozenTrial) -> int:
    """Return the number of the trial that this one retries; its own number if it is the first attempt."""
    return int(trial.user_attrs.get(RETRY_OF, trial.number))


def chains(trials: Sequence[FrozenTrial]) -> list[list[FrozenTrial]]:
    """Return each trial with its retries, in order."""
    found: dict[int, list[FrozenTrial]] = {}
    for trial in sorted(trials, key=lambda trial: trial.number):
        found.setdefault(first_of(trial), []).append(trial)
    return list(found.values())


def state_of(chain: Sequence[FrozenTrial], retries: int) -> str:
    """Return `complete`, `pruned`, `failed`, `open` or `waiting`."""
    last = chain[-1]
    if _lost(last):
        return "failed" if _given_up(chain, retries) else "open"
    if last.state.name == "WAITING":
        return "open" if len(chain) > 1 else "waiting"  # a point that has not been started yet
    return {"COMPLETE": "complete", "PRUNED": "pruned", "RUNNING": "open"}[last.state.name]


def _lost(trial: FrozenTrial) -> bool:
    return trial.state.name == "FAIL"


def _given_up(chain: Sequence[FrozenTrial], retries: int) -> bool:
    attributes = chain[-1].user_attrs
    return attributes.get(REASON) in FINAL or GIVEN_UP in attributes or len(chain) > retries
