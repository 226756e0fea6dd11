"""What the trials of an Optuna study say of the search: what is settled, what is to be begun again. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

RETRY_OF = "retry_of"
"""User attribute: the number of the trial that this one begins again."""
REASON = "reason"
"""User attribute of a failed trial; FINAL ones are not begun again."""
REFUSED, UNSCORED, FAILED = "refused", "unscored", "failed"
FINAL = (REFUSED, UNSCORED)


@dataclass(frozen=True, kw_only=True)
class Tally:
    """Trials of a search by state; a trial and what begins it again are one."""

    complete: int
    pruned: int
    failed: int
    """For good."""
    open: int
    """Asked for and not yet settled."""
    best: FrozenTrial | None
    """The first of those with the highest score."""
    ties: tuple[int, ...] = ()
    """Trials of other cells with that score, by number."""

    @property
    def settled(self) -> int:
        """Those that nothing more is to be done about."""
        return self.complete + self.pruned + self.failed

    @property
    def begun(self) -> int:
        """Those that have been asked for."""
        return self.settled + self.open


def tally(trials: Sequence[FrozenTrial], retries: int) -> Tally:
    """Count trials."""
    states = [_state(chain, retries) for chain in _chains(trials)]
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
    """The first trial of each other cell that scored what the best did."""
    if best is None:
        return ()
    first: dict[str, int] = {}
    for trial in complete:
        if trial.value == best.value:
            first.setdefault(str(trial.user_attrs.get("cell", trial.number)), trial.number)
    return tuple(sorted(number for number in first.values() if number != best.number))


def to_retry(trials: Sequence[FrozenTrial], retries: int) -> list[FrozenTrial]:
    """The last attempts that failed and are to be begun again."""
    return [chain[-1] for chain in _chains(trials) if _lost(chain[-1]) and not _given_up(chain, retries)]


def first_of(trial: FrozenTrial) -> int:
    """The number of the trial that this one begins again, its own where it is the first."""
    return int(trial.user_attrs.get(RETRY_OF, trial.number))


def _chains(trials: Sequence[FrozenTrial]) -> list[list[FrozenTrial]]:
    chains: dict[int, list[FrozenTrial]] = {}
    for trial in sorted(trials, key=lambda trial: trial.number):
        chains.setdefault(first_of(trial), []).append(trial)
    return list(chains.values())


def _state(chain: Sequence[FrozenTrial], retries: int) -> str:
    last = chain[-1]
    if _lost(last):
        return "failed" if _given_up(chain, retries) else "open"
    if last.state.name == "WAITING":
        return "open" if len(chain) > 1 else "waiting"  # a point that was not asked for yet
    return {"COMPLETE": "complete", "PRUNED": "pruned", "RUNNING": "open"}[last.state.name]


def _lost(trial: FrozenTrial) -> bool:
    return trial.state.name == "FAIL"


def _given_up(chain: Sequence[FrozenTrial], retries: int) -> bool:
    return chain[-1].user_attrs.get(REASON) in FINAL or len(chain) > retries
