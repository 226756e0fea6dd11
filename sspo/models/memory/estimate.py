"""Bytes of a run, part by part: the largest of its phases, because each phase reuses the memory that the previous one
freed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sspo.config import TrainConfig
from sspo.config.backends.verl import VERL
from sspo.config.compatibility import backend_of
from sspo.models.memory import engine
from sspo.models.memory.shape import Shape
from sspo.models.memory.sharded import sharded_phases
from sspo.models.memory.sizes import FLOAT, Sizes


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Bytes of each part in each phase."""

    phases: Mapping[str, Mapping[str, float]]

    @property
    def largest(self) -> str:
        """Return the phase that needs most."""
        return max(self.phases, key=lambda phase: sum(self.phases[phase].values()))

    @property
    def parts(self) -> Mapping[str, float]:
        """Return the parts of the phase that needs most."""
        return self.phases[self.largest]

    @property
    def bytes(self) -> float:
        """Return the peak."""
        return sum(self.parts.values())


def estimate(
    shape: Shape,
    config: TrainConfig,
    *,
    prompt: int,
    precision: str = "float32",
    trains: bool = True,
    device: str = "cpu",
) -> Estimate:
    """Return the estimate of a run with prompts of at most `prompt` tokens; `trains` is false for an evaluation alone.

    `precision` and `device` are those of forward passes, as models/device.py resolves them.
    """
    sizes = Sizes(shape, config, prompt, precision)
    if trains and backend_of(config) == VERL:
        return Estimate(phases=sharded_phases(sizes, device))
    held, own = sizes.held(), sizes.engine(device)
    asked = engine.answers_at_once(config.evaluation)
    evaluating = {
        **held,
        **(own or sizes.sampler(asked, config.evaluation.max_tokens)),
        "logits": sizes.picking(asked),
    }
    if device != "cuda":
        held |= own  # an engine with weights of its own never sleeps there
    if not trains or config.trainer.rollouts == 0:
        return Estimate(phases={"evaluating": evaluating})
    held |= {"optimizer": sizes.moments(), "reference": sizes.reference()}
    return Estimate(phases={"evaluating": evaluating | held, **_training(sizes, config, held, own)})


def _training(
    sizes: Sizes, config: TrainConfig, held: Mapping[str, float], own: Mapping[str, float]
) -> dict[str, dict[str, float]]:
    """Return the phases of training only; `own` is the memory of an engine with weights of its own while it samples."""
    sampled = config.rollout.prompts * config.rollout.responses
    collected, updated = sizes.part_of(sampled), sizes.part_of(config.trainer.minibatch)
    return {
        "sampling": {
            **held,
            **(own or sizes.sampler(sampled, config.rollout.max_tokens)),
            "logits": sizes.picking(sampled),
        },
        "collecting": {
            **held,
            "logits": sizes.logits(collected),
            "activations": sizes.passing(collected),
        },
        "updating": {
            **held,
            "gradients": sizes.trained * FLOAT,
            "logits": sizes.logits(updated),
            "activations": sizes.activations(updated),
        },
    }
