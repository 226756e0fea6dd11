"""Whether the first rollout can teach anything: one whose responses all score alike moves no weight, and says why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import torch

from sspo.config import TrainConfig
from sspo.types import Score

MUCH = 0.5
"""Share of responses from which on a state is a reason."""


def nothing_learned(scores: Sequence[Score], reward_PG: torch.Tensor, config: TrainConfig) -> str | None:
    """The warning that the first rollout teaches nothing, or hardly anything, with its reasons; None where it does.

    Nothing is learned where all responses of each prompt have equal rewards, as every advantage is then 0.
    """
    count = Counter(score.status for score in scores)
    share = {status: number / len(scores) for status, number in count.items()}
    reasons = [sentence for status, sentence in _reasons(config).items() if share.get(status, 0.0) >= MUCH]
    if bool((reward_PG.amax(1) > reward_PG.amin(1)).any()):
        return f"warning: {_states(share)} in the first rollout: {'; '.join(reasons)}" if reasons else None
    if reward_PG.shape[1] == 1:
        reasons = ["rollout.responses=1 has nothing to compare a response with: raise it"]
    elif share.get("ok", 0.0) == 1:
        reasons = [
            f"every response is ok to reward.name={config.reward.name}: take harder questions, or another reward"
        ]
    elif share.get("ok", 0.0) > 0:
        reasons.append("each prompt is always answered right, or never: raise rollout.responses")
    elif not reasons:
        most = max((status for status in share if status != "ok"), key=share.__getitem__)
        wrongly = "the model answers, and wrongly: take easier questions, or raise rollout.responses"
        reasons = [_reasons(config).get(most, wrongly)]
    low, high = float(reward_PG.min()), float(reward_PG.max())
    alike = f"all responses score {high:g}" if low == high else "the responses of each prompt score alike"
    return f"warning: nothing is learned from the first rollout, as {alike} ({_states(share)}): {'; '.join(reasons)}"


def _reasons(config: TrainConfig) -> dict[str, str]:
    """What to do about each state that a response should not end in."""
    return {
        "truncated": f"responses do not end within rollout.max_tokens={config.rollout.max_tokens}: raise it, ask for shorter answers, "
        "or name what ends one in rollout.stop",
        "unparsable": f"reward.name={config.reward.name} finds no answer that it can read: look at the prompt with --show-prompt and at "
        "samples.jsonl, and take another prompt or reward",
        "timeout": f"the grader needs more than reward.cpu_seconds={config.reward.cpu_seconds:g} for an answer: look at samples.jsonl",
        "crashed": "the grader dies of the answers: look at samples.jsonl",
    }


def _states(share: dict[str, float]) -> str:
    """The states of the rollout's responses, the most frequent one first."""
    return ", ".join(
        f"{100 * part:.0f} % {status}" for status, part in sorted(share.items(), key=lambda item: -item[1])
    )
