"""A model's continuation of the beginning of a question: partial-prompt completion (arXiv 2507.10532)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch

from sspo.config import PromptConfig, TrainConfig
from sspo.contamination.questions import Part
from sspo.evaluation.expected import expected_of
from sspo.models.device import resolve_device
from sspo.models.memory.said import Expected
from sspo.models.policy import Policy, load_policy
from sspo.randomness import torch_stream
from sspo.rollout import Sampler, open_sampler
from sspo.trainer.probe import check_sampling

MORE = 8
"""Tokens by which a continuation may exceed the rest of the question, so that the end of its last word is visible."""

MOST = 32
"""Questions at once: texts do not depend on the batch, and progress is shown and saved after each one."""


def continuation_memory(config: TrainConfig) -> Expected:
    """Return the memory of continuing questions: the visible part and the continuation are one question, plus a few
    tokens.
    """
    asks = replace(
        config.evaluation, batch=min(config.evaluation.batch, MOST), max_tokens=MORE, temperatures=()
    )
    alone = replace(
        config, evaluation=asks, prompt=PromptConfig(), trainer=replace(config.trainer, rollouts=0)
    )
    return expected_of(
        alone,
        trains=False,
        names={name: name for name in ("evaluation.batch", "rollout.decode", "run.cache_gb")},
    )


class Continuer:
    """Continues texts greedily and without a template, as a base model would."""

    def __init__(self, config: TrainConfig):
        torch.set_num_threads(config.run.threads)
        self.policy: Policy = load_policy(config.model, resolve_device(config.run.device))
        check_sampling(self.policy)
        unstopped = replace(config, rollout=replace(config.rollout, stop=()))
        self.sampler: Sampler = open_sampler(self.policy, unstopped)
        self.remarks: Sequence[str] = [*self.policy.remarks, *self.sampler.remarks]
        """Warnings."""
        self.batch = min(config.evaluation.batch, MOST)

    def check(self, parts: Sequence[Part]) -> None:
        """Raise UserError if a part cannot be read, or leaves the model no room to continue."""
        for part in parts:
            if part.shown is not None:
                self.policy.prompts([part.shown], self._limit(part))

    def batches(self, parts: Sequence[Part]) -> Iterator[Sequence[tuple[Part, str | None]]]:
        """Yield the parts with the model's continuation of each, in their order; None after a part with nothing
        visible.

        A row is cut at its own limit, so that its text does not depend on its neighbors in the batch.
        """
        for start in range(0, len(parts), self.batch):
            several = parts[start : start + self.batch]
            found = iter(self._batch([part for part in several if part.shown is not None]))
            yield [(part, None if part.shown is None else next(found)) for part in several]

    def _batch(self, parts: Sequence[Part]) -> list[str]:
        if not parts:
            return []
        limits = [self._limit(part) for part in parts]
        rollout = self.sampler.sample(
            [self.policy.encode(str(part.shown)) for part in parts],
            1,
            max_tokens=max(limits),
            temperature=0.0,
            draws=torch_stream(0, "contamination"),
        )
        response_BT = rollout.response_BT
        place_T = torch.arange(response_BT.shape[1], device=response_BT.device)
        limit_B1 = torch.tensor(limits, device=response_BT.device)[:, None]
        return self.policy.decode(response_BT, rollout.mask_BT & (place_T < limit_B1))

    def _limit(self, part: Part) -> int:
        return len(self.policy.tokenizer.encode(part.rest, add_special_tokens=False)) + MORE
