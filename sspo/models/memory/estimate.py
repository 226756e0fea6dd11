"""Bytes of a run, part by part: the largest of its phases, since what one phase has freed the next one takes.

The parts are what torch allocates (docs/memory.md has them beside measured peaks). Every response counts at its token limit, so a
run whose responses end earlier takes less.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sspo.config import TrainConfig
from sspo.models.memory import engine
from sspo.models.memory.chunks import chunk_columns
from sspo.models.memory.shape import Shape

FLOAT, HALF = 4, 2
MOMENTS = {"adamw": 2 * FLOAT, "adamw_fused": 2 * FLOAT, "adamw_8bit": 2 + 2 * FLOAT / 256}
"""Bytes of an optimiser's state for each trained number: 8 bits have a float32 scale for each block of 256."""
CHUNK_COPIES = 2.0
"""Of a chunk's logits, which trainer.logits=chunked holds at a time, and of hidden states beside them."""
FULL_COPIES = 3.0
"""Of logits, scaled logits, log-probabilities, exponentials and gradients, how many are held at once with all of them."""
PICK_COPIES = 4.0
"""... and of a token's logits while it is picked."""
CACHE_COPIES = 1.2
"""Of keys and values: they grow by a token at a time, and a layer's old ones lie there until the new ones are whole."""
PROGRAMS = 470 << 20
"""Python, torch and transformers once they have run, measured on the CPU."""
LORA_PAIRS = {
    "q_proj": ("hidden", "attention"),
    "k_proj": ("hidden", "kv"),
    "v_proj": ("hidden", "kv"),
    "o_proj": ("attention", "hidden"),
    "gate_proj": ("hidden", "intermediate"),
    "up_proj": ("hidden", "intermediate"),
    "down_proj": ("intermediate", "hidden"),
}
"""Widths that a linear layer goes from and to."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Bytes of each part in each phase."""

    phases: Mapping[str, Mapping[str, float]]

    @property
    def largest(self) -> str:
        """The phase that takes most."""
        return max(self.phases, key=lambda phase: sum(self.phases[phase].values()))

    @property
    def parts(self) -> Mapping[str, float]:
        """Of the phase that takes most."""
        return self.phases[self.largest]

    @property
    def bytes(self) -> float:
        """The peak."""
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
    """What a run takes with prompts of at most `prompt` tokens; `trains` is false for an evaluation alone.

    `precision` and `device` are those of forward passes, as models/device.py resolves them.
    """
    sizes = _Sizes(shape, config, prompt, precision)
    held, own = sizes.held(), sizes.engine(device)
    asked = engine.answers_at_once(config.evaluation)
    evaluating = {
        **held,
        **(own or sizes.sampler(asked, config.evaluation.max_tokens)),
        "logits": sizes.picking(asked),
    }
    if device != "cuda":
        held |= own  # where an engine with weights of its own never sleeps
    if not trains or config.trainer.rollouts == 0:
        return Estimate(phases={"evaluating": evaluating})
    held |= {"optimizer": sizes.moments(), "reference": sizes.reference()}
    return Estimate(phases={"evaluating": evaluating | held, **_training(sizes, config, held, own)})


def _training(
    sizes: _Sizes, config: TrainConfig, held: Mapping[str, float], own: Mapping[str, float]
) -> dict[str, dict[str, float]]:
    """The phases that only a training has; `own` is what an engine with weights of its own holds while it samples."""
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


class _Sizes:
    """Bytes of the parts, from the sizes of a model and of a run."""

    def __init__(self, shape: Shape, config: TrainConfig, prompt: int, precision: str):
        self.shape, self.config, self.prompt = shape, config, prompt
        self.half = precision == "bfloat16"
        self.device = "cpu" if config.run.device == "cpu" else "cuda"
        """The larger chunks unless the CPU is asked for."""
        self.width = HALF if self.half else FLOAT
        """Bytes of what linear layers give."""
        self.row = prompt + config.rollout.max_tokens
        self.trained = trained_numbers(shape, config)
        self.adapted = self.trained < shape.parameters
        self.precision = precision
        self.foreign = engine.foreign(config)

    def held(self) -> dict[str, float]:
        """What lies there in every phase."""
        frozen = self.shape.parameters - self.trained if not self.adapted else self.shape.parameters
        frozen_bytes = self.width if self.adapted else FLOAT
        weights = frozen * frozen_bytes + self.trained * FLOAT
        return {
            "programs": PROGRAMS + (engine.PROGRAMS if self.foreign else 0),
            "weights": weights,
            "bfloat16 copy": self.shape.parameters * HALF if self.half and not self.adapted else 0,
        }

    def engine(self, device: str) -> dict[str, float]:
        """What an engine with weights of its own holds while it samples; nothing of others."""
        if not self.foreign:
            return {}
        weights = self.shape.parameters * self.width
        return {
            "engine's weights": weights / (self.config.run.gpus if device == "cuda" else 1),
            "engine's cache": engine.engine_cache_bytes(self.shape, self.config, precision=self.precision),
        }

    def sampler(self, rows: int, response: int) -> dict[str, float]:
        """What sampling from the trained weights themselves holds."""
        return {"sampler's copy": self.copied(), "cache": self.cache(rows, response)}

    def copied(self) -> float:
        """What lean decoding has of the weights while it samples: layers with their adapters added, and in bfloat16 all of them."""
        if self.config.rollout.decode != "lean" or not self.shape.gated:  # which it then does not know
            return 0
        if self.adapted:
            return linear_numbers(self.shape, self.config.model.lora.targets) * self.width
        head = self.shape.vocabulary * self.shape.hidden
        return (linear_numbers(self.shape) + head) * HALF if self.half else 0

    def moments(self) -> float:
        """The optimiser's state."""
        return self.trained * MOMENTS[self.config.trainer.optimizer]

    def reference(self) -> float:
        """A second model, unless it is the first one without its adapters."""
        separate = self.config.objective.kl.coef > 0 and not self.adapted
        return self.shape.parameters * FLOAT if separate else 0

    def part_of(self, rows: int) -> float:
        """Rows of a micro-batch out of so many, each at the token limit; shorter ones fill it to its last token."""
        return min(rows, max(1.0, self.config.trainer.micro_batch_tokens / self.row))

    def logits(self, rows: float) -> float:
        """Of a forward pass over whole rows."""
        tokens = rows * (self.config.rollout.max_tokens + 1)
        if self.config.trainer.logits == "chunked":
            columns = min(chunk_columns(int(tokens), self.device), self.shape.vocabulary)
            return CHUNK_COPIES * tokens * (columns + self.shape.hidden) * FLOAT
        return (FULL_COPIES + (0.5 if self.half else 0)) * tokens * self.shape.vocabulary * FLOAT

    def picking(self, rows: int) -> float:
        """Of one token a row."""
        rows = min(rows, engine.ROWS) if self.foreign else rows
        return PICK_COPIES * rows * self.shape.vocabulary * FLOAT

    def cache(self, rows: int, response: int) -> float:
        """Keys and values of every layer and token."""
        copies = 1.0 if self.config.rollout.decode == "lean" else CACHE_COPIES
        return copies * rows * (self.prompt + response) * self.shape.cached * self.width

    def passing(self, rows: float) -> float:
        """What a layer holds of whole rows for the next one, without a backward pass."""
        shape = self.shape
        return rows * self.row * (4 * shape.hidden + 3 * shape.intermediate) * FLOAT + self.scores(rows)

    def scores(self, rows: float) -> float:
        """Of attention, where it holds one for every pair of tokens."""
        eager = self.config.model.attention == "eager"
        return 3 * rows * self.shape.heads * self.row**2 * FLOAT if eager else 0

    def layer(self, rows: float) -> float:
        """What one layer holds of whole rows for its backward pass."""
        shape, tokens = self.shape, rows * self.row
        inner = (4 if shape.gated else 6) * shape.intermediate
        numbers = 7 * shape.hidden + 5 * shape.attention + 3 * shape.kv + inner
        # bfloat16 has the inputs of linear layers twice as small, and norms and sums in float32 all the same
        return tokens * numbers * FLOAT * (0.75 if self.half else 1) + self.scores(rows)

    def activations(self, rows: float) -> float:
        """What all layers hold of whole rows for the backward pass."""
        if self.config.trainer.gradient_checkpointing:
            inputs = rows * self.row * self.shape.hidden * self.shape.layers * FLOAT
            return inputs + self.layer(rows)
        return self.shape.layers * self.layer(rows)


def trained_numbers(shape: Shape, config: TrainConfig) -> int:
    """Numbers that are trained: all, or those of the adapters, which lie beside the base's."""
    rank = config.model.lora.rank
    if rank == 0:
        return shape.parameters
    return rank * shape.layers * sum(map(sum, _widths(shape, config.model.lora.targets)))


def linear_numbers(shape: Shape, targets: Sequence[str] = ()) -> int:
    """Numbers of the layers' matrices: of all of them, or of the named ones."""
    return shape.layers * sum(inner * outer for inner, outer in _widths(shape, targets))


def _widths(shape: Shape, targets: Sequence[str]) -> list[tuple[int, int]]:
    """What each of a layer's matrices goes from and to."""
    usual = [name for name in LORA_PAIRS if shape.gated or name != "gate_proj"]
    pairs = (LORA_PAIRS.get(name, ("hidden", "hidden")) for name in targets or usual)
    return [(getattr(shape, inner), getattr(shape, outer)) for inner, outer in pairs]
