"""A rollout of TRL's as a recorded one of ours."""

from __future__ import annotations

from collections.abc import Sequence

from sspo.integrations.trl.rollout import TrlRollout
from sspo.recording.recorded import RecordedRollout, join_visits
from sspo.types import UNGRADED, Score


def recorded_of(rollout: TrlRollout, problem_ids: Sequence[str], scores: Sequence[Score]) -> RecordedRollout:
    """Return a rollout after its last update, with every visit of its optimizer steps."""
    return RecordedRollout(
        number=rollout.number,
        first_step=rollout.first_step,
        clip_scale=rollout.clip_scale,
        problem_ids=tuple(problem_ids),
        scores=tuple(scores),
        batch=rollout.batch,
        visits=join_visits(rollout.visits),
    )


def ungraded(rollout: TrlRollout) -> list[Score]:
    """Return the scores of a rollout whose reward functions give numbers and no statuses."""
    return [Score(value=value, status=UNGRADED) for value in rollout.reward_PG.flatten().tolist()]
