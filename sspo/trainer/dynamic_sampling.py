"""A rollout's responses: prompts, samples, scores; and DAPO's dynamic sampling and soft overlong punishment (arXiv 2503.14476
equations 11 and 13).

With rollout.resample = k, prompts whose responses all receive the same score teach nothing and are replaced: up to k
times as many new prompts are sampled as a rollout has, and its prompts are the first with unequal scores, in the order
in which they were drawn. If there are too few, it is filled up with the first of the others, with a message. Scores are
compared before the overlong penalty, as in the paper. Every draw derives from (seed, rollout, attempt); attempt 0 is
that of a run without the option.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

from sspo.config import TrainConfig
from sspo.metrics import Metric, observe
from sspo.types import Problem, Rollout, Score

Metrics = dict[str, Metric]


@dataclass(frozen=True, kw_only=True)
class Draw:
    """Prompts with all their responses. Row i answers problem i // G."""

    problems: Sequence[Problem]
    rollout: Rollout
    scores: Sequence[Score]

    def unequal(self) -> list[bool]:
        """Return, for each prompt, whether its responses score unequally."""
        group = len(self.scores) // len(self.problems)
        values = [score.value for score in self.scores]
        return [len(set(values[i : i + group])) > 1 for i in range(0, len(values), group)]


def dynamic(
    first: Draw, draw: Callable[[int], Draw], prompts: int, resample: int, pad_id: int
) -> tuple[Draw, Metrics]:
    """Return the rollout's prompts, from the first attempt and up to `resample` more of `draw`, and the metrics of
    resampling.
    """
    if resample == 0:
        return first, {}
    draws: list[Draw] = []
    informative: list[tuple[int, int]] = []
    for attempt in range(1 + resample):
        draws.append(draw(attempt) if attempt else first)
        informative += [(attempt, p) for p, unequal in enumerate(draws[-1].unequal()) if unequal]
        if len(informative) >= prompts:
            break
    kept = informative[:prompts]
    others = [(a, p) for a, one in enumerate(draws) for p, unequal in enumerate(one.unequal()) if not unequal]
    filled = others[: prompts - len(kept)]
    sampled = sum(len(one.problems) for one in draws)
    metrics = {
        "rollout/sampled_prompts": observe("rollout/sampled_prompts", sampled),
        "rollout/unequal_prompt_frac": observe("rollout/unequal_prompt_frac", len(informative), sampled),
        "rollout/filled_prompts": observe("rollout/filled_prompts", len(filled)),
    }
    return _pick(draws, [*kept, *filled], pad_id), metrics


def _pick(draws: Sequence[Draw], chosen: Sequence[tuple[int, int]], pad_id: int) -> Draw:
    """Return the chosen (attempt, prompt) pairs as one draw."""
    group = len(draws[0].scores) // len(draws[0].problems)
    places = [(a, range(p * group, (p + 1) * group)) for a, p in chosen]
    return Draw(
        problems=[draws[a].problems[p] for a, p in chosen],
        rollout=_joined([draw.rollout for draw in draws], places, pad_id),
        scores=[draws[a].scores[i] for a, rows in places for i in rows],
    )


def _joined(rollouts: Sequence[Rollout], places: Sequence[tuple[int, range]], pad_id: int) -> Rollout:
    """Return the chosen rows of several rollouts, padded to the widest of them."""

    def rows(name: str, fill: float, *, left: bool = False) -> torch.Tensor:
        parts = [getattr(rollouts[a], name)[rows.start : rows.stop] for a, rows in places]
        width = max(part.shape[1] for part in parts)
        pads = [(width - part.shape[1], 0) if left else (0, width - part.shape[1]) for part in parts]
        return torch.cat(
            [torch.nn.functional.pad(part, pad, value=fill) for part, pad in zip(parts, pads, strict=True)]
        )

    return Rollout(
        prompt_BL=rows("prompt_BL", pad_id, left=True),
        prompt_mask_BL=rows("prompt_mask_BL", False, left=True),
        response_BT=rows("response_BT", pad_id),
        mask_BT=rows("mask_BT", False),
        truncated_B=torch.cat([rollouts[a].truncated_B[rows.start : rows.stop] for a, rows in places]),
        logp_BT=None if rollouts[0].logp_BT is None else rows("logp_BT", 0.0),
        entropy_BT=None if rollouts[0].entropy_BT is None else rows("entropy_BT", 0.0),
    )


def overlong_share(tokens: int, limit: int, buffer: int) -> float:
    """Return the share of the overlong penalty, 0 to 1, for a response of a number of tokens: it starts `buffer` tokens
    before the limit.

    The paper's equation 13 is the negative of this; its L_max is the limit and its L_cache the buffer. A truncated
    response has the limit's length and gets the full penalty. A buffer of 0 means no penalty.
    """
    if buffer == 0:
        return 0.0
    return min(max((tokens - (limit - buffer)) / buffer, 0.0), 1.0)


def penalized(
    scores: Sequence[Score], mask_BT: torch.Tensor, config: TrainConfig
) -> tuple[list[Score], Metrics]:
    """Return the scores of a rollout after the overlong penalty and its metrics; unchanged without a penalty."""
    buffer, penalty = config.reward.overlong_buffer, config.reward.overlong_penalty
    if buffer == 0:
        return list(scores), {}
    tokens_B, limit = mask_BT.sum(1).tolist(), config.rollout.max_tokens
    taken = [penalty * overlong_share(tokens, limit, buffer) for tokens in tokens_B]
    lowered = [replace(score, value=score.value - loss) for score, loss in zip(scores, taken, strict=True)]
    return lowered, {"reward/overlong_penalty": observe("reward/overlong_penalty", sum(taken), len(taken))}
