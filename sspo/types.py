"""What crosses from one room to the next.

Dimension legend, used as suffixes of tensor names everywhere:
    P  prompts of a rollout          G  responses a prompt          B  rows, P * G or a part of them
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
    """The question. A prompt template (sspo/prompts) may put words around it."""
    answer: str
    alternatives: tuple[str, ...] = ()
    """Other answers that are as right."""

    @property
    def golds(self) -> tuple[str, ...]:
        """Every right answer, the first one first."""
        return (self.answer, *self.alternatives)


@dataclass(frozen=True, kw_only=True)
class Response:
    """What a reward looks at."""

    text: str
    """Without special tokens."""
    tokens: int
    limit: int
    """The token limit that it was sampled under."""
    truncated: bool = False
    """Whether it was cut at that limit."""
    twice: bool | None = None
    """Whether a second grader looks at it, where there is one; None leaves that to the reward."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """What a reward says of one response: a value and the named state it was reached in."""

    value: float
    status: str
    """One of STATUSES."""
    parts: tuple[tuple[str, float], ...] = ()
    """Where rewards are added up: each one's name and its own value, before its weight."""
    second: str | None = None
    """The status that a second grader gives; None where it was not asked."""


STATUSES = {
    "ok": "right",
    "wrong": "a wrong answer",
    "unparsable": "no answer found, or none that can be read",
    "timeout": "the grader ran out of processor seconds on the answer",
    "crashed": "the grader died of the answer",
    "truncated": "cut at the token limit, so not graded",
}
"""Every state a response can be scored in, and what it means."""


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
    """True where the response was cut at the token limit."""
    logp_BT: torch.Tensor | None = None
    """The sampler's own log-probabilities of the tokens (nats), where they were asked for; 0 off the mask."""
    entropy_BT: torch.Tensor | None = None
    """The entropy of the whole softmax that each token was drawn from (nats), where it was asked for; 0 off the mask."""


@dataclass(frozen=True, kw_only=True)
class TokenExtras:
    """What some objectives ask for beside a batch's own columns; None where the objective at hand does not."""

    g_low_BT: torch.Tensor | None = None
    """What clip.low is multiplied by at each token, found over the whole rollout; None where bounds follow no entropy."""
    g_high_BT: torch.Tensor | None = None
    """The same for clip.high."""
    group_weight_B: torch.Tensor | None = None
    """Responses of the row's prompt over the tokens of all of them; None where no aggregation asks."""
    reference_logp_BT: torch.Tensor | None = None
    """Log-probability of each token under the base model (nats); None without a KL penalty."""
    sampler_logp_BT: torch.Tensor | None = None
    """Log-probability of each token as the sampler saw it (nats); None where no option asks and the sampler has the trainer's numerics."""

    @property
    def g(self) -> tuple[torch.Tensor, torch.Tensor] | None:
        """Both multipliers of the clip bounds."""
        return None if self.g_low_BT is None or self.g_high_BT is None else (self.g_low_BT, self.g_high_BT)

    def to(self, device: torch.device) -> TokenExtras:
        """The same on a device."""
        return self._each(lambda x: x.to(device))

    def rows(self, index_b: torch.Tensor | slice, width: int | None = None) -> TokenExtras:
        """The given rows, cut after `width` tokens."""
        return self._each(lambda x: x[index_b] if x.dim() == 1 else x[index_b, :width])

    def _each(self, change: Callable[[torch.Tensor], torch.Tensor]) -> TokenExtras:
        values: dict[str, torch.Tensor | None] = {
            field.name: getattr(self, field.name) for field in fields(self)
        }
        return TokenExtras(**{name: change(x) for name, x in values.items() if x is not None})


@dataclass(frozen=True, kw_only=True)
class Batch:
    """A rollout with all that the loss needs; `rows` takes any part of it."""

    prompt_BL: torch.Tensor
    prompt_mask_BL: torch.Tensor
    response_BT: torch.Tensor
    mask_BT: torch.Tensor
    advantage_BT: torch.Tensor
    segment_id_BT: torch.Tensor
    """Segment of each response token, contiguous from 0 in a row, -1 off the mask."""
    old_logp_BT: torch.Tensor
    """Log-probability of each token under the policy that sampled it, nats."""
    entropy_BT: torch.Tensor
    """Full-softmax entropy of the sampling policy at each token, nats."""
    extras: TokenExtras = TokenExtras()

    def to(self, device: torch.device) -> Batch:
        """The batch on a device."""
        return Batch(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})

    def rows(self, index_b: torch.Tensor) -> Batch:
        """The given rows, trimmed to the longest prompt and response among them."""
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
    """What a micro-batch cannot know of the batch it is part of, and what its rows bring along where an option asks."""

    tokens: int
    """Response tokens of the whole optimiser batch."""
    responses: int
    """Responses of the whole optimiser batch."""
    max_response_tokens: int
    """The token limit of a response: the constant that Dr.GRPO divides by."""
    extras: TokenExtras = TokenExtras()

    def rows(self, index_b: torch.Tensor | slice) -> LossContext:
        """The same for a micro-batch of the given rows: counts stay those of the whole."""
        return replace(self, extras=self.extras.rows(index_b))


@dataclass(frozen=True, kw_only=True)
class LossOut:
    """A micro-batch's share of the loss (shares add up to the batch's loss) and its mergeable metrics."""

    loss: torch.Tensor
    metrics: dict[str, Metric]
