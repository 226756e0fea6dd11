"""A warning if the first rollout teaches nothing: one whose responses all score alike changes no weight."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import torch

from sspo.config import TrainConfig
from sspo.types import Score

MUCH = 0.5
"""Share of responses from which a state counts as a reason."""


def nothing_learned(scores: Sequence[Score], reward_PG: torch.Tensor, config: TrainConfig) -> str | None:
    """Return the warning, with reasons, that the first rollout teaches nothing or hardly anything, or None if it does.

    Nothing is learned if all responses of each prompt have equal rewards, because every advantage is then 0.
    """
    count = Counter(score.status for score in scores)
    share = {status: number / len(scores) for status, number in count.items()}
    reasons = [sentence for status, sentence in _reasons(config).items() if share.get(status, 0.0) >= MUCH]
    if bool((reward_PG.amax(1) > reward_PG.amin(1)).any()):
        return f"warning: {_states(share)} in the first rollout: {'; '.join(reasons)}" if reasons else None
    if reward_PG.shape[1] == 1:
        reasons = ["rollout.responses=1 leaves nothing to compare a response with: raise it"]
    elif share.get("ok", 0.0) == 1:
        reasons = [
            f"every response is ok to reward.name={config.reward.name}: use harder questions or a different reward"
        ]
    elif share.get("ok", 0.0) > 0:
        reasons.append("each prompt is answered correctly always or never: raise rollout.responses")
    elif not reasons:
        most = max((status for status in share if status != "ok"), key=share.__getitem__)
        wrongly = "the model's answers are wrong: use easier questions, or raise rollout.responses"
        reasons = [_reasons(config).get(most, wrongly)]
    low, high = float(reward_PG.min()), float(reward_PG.max())
    alike = f"all responses score {high:g}" if low == high else "the responses of each prompt score alike"
    return f"warning: nothing is learned from the first rollout because {alike} ({_states(share)}): {'; '.join(reasons)}"


def _reasons(config: TrainConfig) -> dict[str, str]:
    """Return what to change for each state that a response should not end in."""
    return {
        "truncated": f"responses do not end within rollout.max_tokens={config.rollout.max_tokens}: raise it, prompt for shorter answers, "
        "or set rollout.stop to a text that ends one",
        "unparsable": f"reward.name={config.reward.name} finds no answer that it can read: check the prompt with --show-prompt and the responses in "
        "samples.jsonl, and use a different prompt or reward",
        "timeout": f"the grader needs more than reward.cpu_seconds={config.reward.cpu_seconds:g} for an answer: check samples.jsonl",
        "crashed": "the grader crashes on the answers: check samples.jsonl",
    }


def _states(share: dict[str, float]) -> str:
    """Return the states of the rollout's responses, the most frequent one first."""
    return ", ".join(
        f"{100 * part:.0f} % {status}" for status, part in sorted(share.items(), key=lambda item: -item[1])
    )
