"""Types shared by the packages of sspo.

Dimension legend, used as suffixes of tensor names everywhere:
    P  prompts of a rollout          G  responses per prompt        B  rows, P * G or a part of them
    L  prompt tokens (left-padded)   T  response tokens (right-padded)
    S  segments                      V  vocabulary
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from sspo.metrics import Metric


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One question with a checkable answer. Example: Problem(id="short/0", prompt="4 * 2 - 5 ?", answer="3")."""

    id: str
    prompt: str
    """The question. A prompt template (sspo/prompts) may surround it with text."""
    answer: str
    alternatives: tuple[str, ...] = ()
    """Other answers that are equally right."""

    @property
    def golds(self) -> tuple[str, ...]:
        """Return every right answer, the first one first."""
        return (self.answer, *self.alternatives)


@dataclass(frozen=True, kw_only=True)
class Response:
    """Inputs of a reward."""

    text: str
    """Without special tokens."""
    tokens: int
    limit: int
    """The token limit that it was sampled under."""
    truncated: bool = False
    """True if it was cut at that limit."""
    twice: bool | None = None
    """True if a second grader, if there is one, scores it; None leaves that to the reward."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """A reward's verdict on one response: a value and a named status."""

    value: float
    status: str
    """One of STATUSES."""
    parts: tuple[tuple[str, float], ...] = ()
    """For summed rewards: each one's name and its own value, before its weight."""
    second: str | None = None
    """The status from a second grader; None if it was not used."""


STATUSES = {
    "ok": "right",
    "wrong": "a wrong answer",
    "unparsable": "no answer found, or none that can be read",
    "timeout": "the grader ran out of processor seconds on the answer",
    "crashed": "the grader died of the answer",
    "truncated": "cut at the token limit, so not graded",
}
"""Every status of a scored response, and its meaning."""
UNGRADED = "ungraded"
"""In recordings of other trainers' runs: their reward functions give numbers, and no status is made up for them."""


@dataclass(frozen=True, kw_only=True)
class Rollout:
    """Sampled responses. Row i answers prompt i // G."""

    prompt_BL: torch.Tensor
    """Prompt token ids, left-padded."""
    prompt_mask_BL: torch.Tensor
    """True on prompt tokens."""
    response_BT: torch.Tensor
    """Response token ids, right-padded; the end-of-sequence token is part of the response."""
    mask_BT: torch.Tensor
    """True on response tokens."""
    truncated_B: torch.Tensor
    """True if the response was cut at the token limit."""
    logp_BT: torch.Tensor | None = None
    """The sampler's own log-probabilities of the tokens (nats), if requested; 0 off the mask."""
    entropy_BT: torch.Tensor | None = None
    """The entropy of the whole softmax that each token was drawn from (nats), if requested; 0 off the mask."""


@dataclass(frozen=True, kw_only=True)
class TokenExtras:
    """Columns that only some objectives need beside a batch's own; None if the current objective does not."""

    g_low_BT: torch.Tensor | None = None
    """The factor on clip.low at each token, computed over the whole rollout; None if bounds do not follow entropy."""
    g_high_BT: torch.Tensor | None = None
    """The same for clip.high."""
    group_weight_B: torch.Tensor | None = None
    """Number of responses to the row's prompt over their total tokens; None if the aggregation does not use it."""
    reference_logp_BT: torch.Tensor | None = None
    """Log-probability of each token under the base model (nats); None without a KL penalty."""
    sampler_logp_BT: torch.Tensor | None = None
    """Log-probability of each token under the sampler (nats); None if no option uses it and the sampler has the
    trainer's numerics.
    """

    @property
    def g(self) -> tuple[torch.Tensor, torch.Tensor] | None:
        """Return both multipliers of the clip bounds, or None if bounds do not follow entropy."""
        return None if self.g_low_BT is None or self.g_high_BT is None else (self.g_low_BT, self.g_high_BT)

    def to(self, device: torch.device) -> TokenExtras:
        """Return a copy on a device."""
        return self._each(lambda x: x.to(device))

    def rows(self, index_b: torch.Tensor | slice, width: int | None = None) -> TokenExtras:
        """Return the given rows, cut after `width` tokens."""
        return self._each(lambda x: x[index_b] if x.dim() == 1 else x[index_b, :width])

    def _each(self, change: Callable[[torch.Tensor], torch.Tensor]) -> TokenExtras:
        values: dict[str, torch.Tensor | None] = {
            field.name: getattr(self, field.name) for field in fields(self)
        }
        return TokenExtras(**{name: change(x) for name, x in values.items() if x is not None})


@dataclass(frozen=True, kw_only=True)
class Batch:
    """A rollout with all inputs of the loss; `rows` selects any part of it."""

    prompt_BL: torch.Tensor
    prompt_mask_BL: torch.Tensor
    response_BT: torch.Tensor
    mask_BT: torch.Tensor
    advantage_BT: torch.Tensor
    segment_id_BT: torch.Tensor
    """Segment of each response token: from 0 without gaps in a row, -1 off the mask. Ids are non-decreasing under every
    rule but 'entropy_group' and 'random' of it, whose segments are groups of tokens that need not be neighbors.
    """
    old_logp_BT: torch.Tensor
    """Log-probability of each token under the policy that sampled it, nats."""
    entropy_BT: torch.Tensor
    """Full-softmax entropy of the sampling policy at each token, nats."""
    extras: TokenExtras = TokenExtras()

    def to(self, device: torch.device) -> Batch:
        """Return the batch on a device."""
        return Batch(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})

    def rows(self, index_b: torch.Tensor) -> Batch:
        """Return the given rows, trimmed to the longest prompt and response among them."""
        mask = self.mask_BT[index_b]
        prompt_mask = self.prompt_mask_BL[index_b]
        width = max(int(mask.sum(1).max()), 1)
        start = prompt_mask.shape[1] - max(int(prompt_mask.sum(1).max()), 1)
        return Batch(
            prompt_BL=self.prompt_BL[index_b, start:],
            prompt_mask_BL=prompt_mask[:, start:],
            response_BT=self.response_BT[index_b, :width],
            mask_BT=mask[:, :width],
            advantage_BT=self.advantage_BT[index_b, :width],
            segment_id_BT=self.segment_id_BT[index_b, :width],
            old_logp_BT=self.old_logp_BT[index_b, :width],
            entropy_BT=self.entropy_BT[index_b, :width],
            extras=self.extras.rows(index_b, width),
        )


@dataclass(frozen=True, kw_only=True)
class LossContext:
    """Properties of the whole batch that a micro-batch needs, and optional columns of its rows."""

    tokens: int
    """Response tokens of the whole optimizer batch."""
    responses: int
    """Responses of the whole optimizer batch."""
    max_response_tokens: int
    """The token limit of a response: the constant that Dr.GRPO divides by."""
    extras: TokenExtras = TokenExtras()

    def rows(self, index_b: torch.Tensor | slice) -> LossContext:
        """Return the context of a micro-batch of the given rows: counts stay those of the whole batch."""
        return replace(self, extras=self.extras.rows(index_b))


@dataclass(frozen=True, kw_only=True)
class LossOut:
    """A micro-batch's share of the loss (shares add up to the batch's loss) and its mergeable metrics."""

    loss: torch.Tensor
    metrics: dict[str, Metric]
