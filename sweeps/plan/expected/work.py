"""Operations and bytes of a trial, from the shape of its model and its configuration.

An operation is a multiplication or an addition: a matrix of N numbers takes 2 N per token. docs/cost.md has the formulas in words.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sspo.config import TrainConfig
from sspo.models.memory import engine
from sspo.models.memory.shape import Shape
from sspo.models.memory.sizes import FLOAT, HALF, MOMENTS, linear_numbers, trained_numbers
from sweeps.plan.expected.tables import Assumptions


@dataclass(frozen=True, kw_only=True)
class Sampled:
    """Answers that are sampled together, `times` times."""

    rows: float
    prompts: float
    """How many prompts are read: an engine reads each prompt once for all answers to it."""
    limit: int
    """Maximum number of tokens of an answer."""
    times: float = 1


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of decoding."""

    operations: float
    bytes: float


class Work:
    """The work of a run; `sets` holds the number of questions of each held-out set."""

    def __init__(
        self, shape: Shape, config: TrainConfig, assumed: Assumptions, *, sets: Sequence[int], precision: str
    ):
        self.shape, self.config, self.assumed, self.sets = shape, config, assumed, sets
        self.width = HALF if precision == "bfloat16" else FLOAT
        self.precision = precision
        self.matrices = linear_numbers(shape)
        self.head = shape.vocabulary * shape.hidden
        self.trained = trained_numbers(shape, config)
        self.adapters = self.trained if config.model.lora.rank else 0
        self.foreign = engine.foreign(config)
        self.prompt = min(assumed.prompt_tokens, config.run.prompt_tokens)

    def answer(self, limit: int) -> float:
        """Return the average number of tokens of an answer."""
        return min(self.assumed.response_tokens, limit)

    def rollouts(self) -> list[Sampled]:
        """Return what training samples. Resampling is counted at its maximum."""
        rollout, count = self.config.rollout, self.config.trainer.rollouts
        rows = rollout.prompts * rollout.responses
        prompts = rollout.prompts if self.foreign else rows
        one = Sampled(
            rows=rows, prompts=prompts, limit=rollout.max_tokens, times=count * (1 + rollout.resample)
        )
        return [one] if count else []

    def evaluations(self) -> list[Sampled]:
        """Return what the learning curve and the final evaluation sample."""
        options, rollouts = self.config.evaluation, self.config.trainer.rollouts
        parts = []
        if rollouts and options.every:
            curves = 1 + rollouts // options.every  # one is before the first rollout
            parts += [self._answered(min(options.curve_questions, size), 1, curves) for size in self.sets]
        for size in self.sets:
            questions = min(options.questions, size)
            parts.append(self._answered(questions, 1, 1))
            parts += [self._answered(questions, options.samples, 1) for _ in options.temperatures]
        return parts

    def _answered(self, questions: int, samples: int, times: int) -> Sampled:
        """Return the answers to a set, in batches of equal size."""
        answers = questions * samples
        batches = math.ceil(answers / self.config.evaluation.batch)
        rows = math.ceil(answers / batches)
        prompts = math.ceil(questions / batches) if self.foreign else rows
        return Sampled(
            rows=rows, prompts=prompts, limit=self.config.evaluation.max_tokens, times=times * batches
        )

    def reading(self, sampled: Sampled) -> float:
        """Return the operations to read the prompts once."""
        return sampled.prompts * self.layers(self.prompt)

    def layers(self, tokens: float) -> float:
        """Return the operations of all layers for one row of this many tokens."""
        return 2 * (self.matrices + self.adapters) * tokens + self.attention(tokens)

    def attention(self, tokens: float) -> float:
        """Return the operations of one row's attention scores and sums, each token with those before it."""
        return 2 * self.shape.layers * self.shape.attention * tokens**2

    def at_once(self, sampled: Sampled) -> float:
        """Return how many answers are decoded at a time: those whose keys and values fit in the engine's cache."""
        if not self.foreign:
            return sampled.rows
        cache = engine.engine_cache_bytes(self.shape, self.config, precision=self.precision)
        fit = cache / (self.shape.cached * self.width * (self.prompt + self.answer(sampled.limit)))
        return max(1.0, min(sampled.rows, engine.ROWS, fit))

    def step(self, rows: float, context: float) -> Step:
        """Return the work of one token for each row, each with `context` tokens before it: all weights are read once."""
        numbers = self.matrices + self.adapters + self.head
        attended = 4 * self.shape.layers * self.shape.attention * context
        return Step(
            operations=rows * (2 * numbers + attended),
            bytes=self.width * (numbers + rows * context * self.shape.cached),
        )

    def responses(self) -> float:
        """Return the number of tokens of a rollout's responses."""
        rollout = self.config.rollout
        return rollout.prompts * rollout.responses * self.answer(rollout.max_tokens)

    def look(self) -> float:
        """Return the operations of one forward pass over a rollout, with the logits of its responses."""
        rollout = self.config.rollout
        row = self.prompt + self.answer(rollout.max_tokens)
        return rollout.prompts * rollout.responses * self.layers(row) + 2 * self.head * self.responses()

    def looks(self) -> int:
        """Return the number of forward passes over each rollout besides its updates: old log-probabilities, and a reference's."""
        return int(self.config.trainer.old_logp == "trainer") + int(self.config.objective.kl.coef > 0)

    def update(self) -> float:
        """Return the operations of one epoch of updates on a rollout: 6 per number and token, 8 with gradient checkpointing.

        Frozen weights need no gradient of their own: 2 fewer. Chunked logits are computed twice: 2 more for the head.
        """
        trainer, rollout = self.config.trainer, self.config.rollout
        again = 1 if trainer.gradient_checkpointing else 0
        row = self.prompt + self.answer(rollout.max_tokens)
        base = 2 if self.adapters else 3
        a_row = (base + again) * 2 * self.matrices * row + (3 + again) * (
            2 * self.adapters * row + self.attention(row)
        )
        head = base + (1 if trainer.logits == "chunked" else 0)
        return rollout.prompts * rollout.responses * a_row + head * 2 * self.head * self.responses()

    def steps(self) -> int:
        """Return the number of optimizer steps per rollout."""
        rows = self.config.rollout.prompts * self.config.rollout.responses
        return math.ceil(rows / self.config.trainer.minibatch) * self.config.trainer.epochs

    def step_bytes(self) -> float:
        """Return the bytes that an optimizer step reads and writes: weights and moments twice, gradients once."""
        return self.trained * (3 * FLOAT + 2 * MOMENTS[self.config.trainer.optimizer])

    def sync_bytes(self) -> float:
        """Return the bytes read and written when an engine receives the new weights."""
        return 2 * self.shape.parameters * self.width if self.foreign else 0

    def checkpoint_bytes(self) -> float:
        """Return the bytes of all checkpoints of a run."""
        trainer = self.config.trainer
        every = trainer.checkpoint_every
        count = 1 + (trainer.rollouts // every if every else 0) if trainer.rollouts else 0
        return count * self.trained * (FLOAT + MOMENTS[trainer.optimizer])

    def graded(self) -> float:
        """Return the number of answers that are graded."""
        return sum(one.rows * one.times for one in (*self.rollouts(), *self.evaluations()))
