"""Stale runs, finished by code whose numbers differ from this code's: `run` makes them again only with --fresh."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from sspo.errors import UserError
from sspo.runs.epochs import described
from sspo.runs.identity import code_level
from sweeps.ledger.state import Standing, standing
from sweeps.plan.plan import Trial

REMEDY = (
    "`make same-numbers` checks whether the numbers are equal, --fresh (make: FRESH=1) runs them again and keeps the old "
    "runs, mix_code: true in the study counts them as they are"
)


def refuse_stale(trials: Iterable[Trial], *, fresh: bool) -> None:
    """Raise UserError if trials are stale and `fresh` was not given."""
    line = None if fresh else stale_sentence({trial: standing(trial.folder) for trial in trials})
    if line is not None:
        raise UserError(f"{line}; {REMEDY}")


def stale_sentence(standings: Mapping[Trial, Standing]) -> str | None:
    """Return a sentence with the number of stale finished runs and the code that made them; None if there are none."""
    makers = Counter(now.stale for now in standings.values() if now.outcome == "stale")
    if not makers:
        return None
    count = sum(makers.values())
    made = ", ".join(f"{runs} by {maker}" for maker, runs in makers.most_common())
    return f"{count} finished run{'s are' if count > 1 else ' is'} stale: made {made}, and this is {described(code_level())}"
