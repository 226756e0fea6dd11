"""Sizes in bytes of a run's parts, from the sizes of its model and its options.

The parts are torch's allocations (docs/memory.md lists them beside measured peaks). Every response counts at its token
limit, so a run whose responses end earlier needs less.
"""

from __future__ import annotations

from collections.abc import Sequence

from sspo.config import TrainConfig
from sspo.models.memory import engine
from sspo.models.memory.chunks import chunk_columns
from sspo.models.memory.shape import Shape

FLOAT, HALF = 4, 2
MOMENTS = {"adamw": 2 * FLOAT, "adamw_fused": 2 * FLOAT, "adamw_8bit": 2 + 2 * FLOAT / 256}
"""Bytes of an optimizer's state per trained number: 8-bit states have one float32 scale per block of 256."""
CHUNK_COPIES = 2.0
"""Copies of a chunk's logits that trainer.logits=chunked holds at a time, including hidden states."""
FULL_COPIES = 3.0
"""Copies held at once of all logits: logits, scaled logits, log-probabilities, exponentials and gradients overlap."""
PICK_COPIES = 4.0
"""Copies of a token's logits while it is picked."""
CACHE_COPIES = 1.2
"""Copies of keys and values: they grow by one token at a time, and a layer's old ones remain until the new ones are
complete.
"""
PROGRAMS = 470 << 20
"""Python, torch and transformers after their first use, measured on the CPU."""
LORA_PAIRS = {
    "q_proj": ("hidden", "attention"),
    "k_proj": ("hidden", "kv"),
    "v_proj": ("hidden", "kv"),
    "o_proj": ("attention", "hidden"),
    "gate_proj": ("hidden", "intermediate"),
    "up_proj": ("hidden", "intermediate"),
    "down_proj": ("intermediate", "hidden"),
}
"""Widths of a linear layer's input and output."""


class Sizes:
    """Bytes of the parts, from the sizes of a model and of a run."""

    def __init__(self, shape: Shape, config: TrainConfig, prompt: int, precision: str):
        self.shape, self.config, self.prompt = shape, config, prompt
        self.half = precision == "bfloat16"
        self.device = "cpu" if config.run.device == "cpu" else "cuda"
        """The device with the larger chunks unless the CPU is requested."""
        self.width = HALF if self.half else FLOAT
        """Bytes per number of the outputs of linear layers."""
        self.row = prompt + config.rollout.max_tokens
        self.trained = trained_numbers(shape, config)
        self.adapted = self.trained < shape.parameters
        self.precision = precision
        self.foreign = engine.foreign(config)

    def held(self) -> dict[str, float]:
        """Return the parts that exist in every phase."""
        frozen = self.shape.parameters - self.trained if not self.adapted else self.shape.parameters
        frozen_bytes = self.width if self.adapted else FLOAT
        weights = frozen * frozen_bytes + self.trained * FLOAT
        return {
            "programs": PROGRAMS + (engine.PROGRAMS if self.foreign else 0),
            "weights": weights,
            "bfloat16 copy": self.shape.parameters * HALF if self.half and not self.adapted else 0,
        }

    def engine(self, device: str) -> dict[str, float]:
        """Return the memory of an engine with weights of its own while it samples; empty for other engines."""
        if not self.foreign:
            return {}
        weights = self.shape.parameters * self.width
        return {
            "engine's weights": weights / (self.config.run.gpus if device == "cuda" else 1),
            "engine's cache": engine.engine_cache_bytes(self.shape, self.config, precision=self.precision),
        }

    def sampler(self, rows: int, response: int) -> dict[str, float]:
        """Return the memory of sampling from the trained weights themselves."""
        return {"sampler's copy": self.copied(), "cache": self.cache(rows, response)}

    def copied(self) -> float:
        """Return the weight copies of lean decoding while it samples: layers with their adapters added, and in bfloat16
        all of them.
        """
        if (
            self.config.rollout.decode != "lean" or not self.shape.gated
        ):  # a model that lean decoding does not support
            return 0
        if self.adapted:
            return linear_numbers(self.shape, self.config.model.lora.targets) * self.width
        head = self.shape.vocabulary * self.shape.hidden
        return (linear_numbers(self.shape) + head) * HALF if self.half else 0

    def moments(self) -> float:
        """Return the bytes of the optimizer's state."""
        return self.trained * MOMENTS[self.config.trainer.optimizer]

    def reference(self) -> float:
        """Return the bytes of a second model, unless the reference is the first one without its adapters."""
        separate = self.config.objective.kl.coef > 0 and not self.adapted
        return self.shape.parameters * FLOAT if separate else 0

    def part_of(self, rows: float) -> float:
        """Return the rows of a micro-batch out of `rows`, each at the token limit; shorter ones fill it to its last
        token.
        """
        return min(rows, max(1.0, self.config.trainer.micro_batch_tokens / self.row))

    def logits(self, rows: float) -> float:
        """Return the bytes of the logits of a forward pass over whole rows."""
        tokens = rows * (self.config.rollout.max_tokens + 1)
        if self.config.trainer.logits == "chunked":
            columns = min(chunk_columns(int(tokens), self.device), self.shape.vocabulary)
            return CHUNK_COPIES * tokens * (columns + self.shape.hidden) * FLOAT
        return (FULL_COPIES + (0.5 if self.half else 0)) * tokens * self.shape.vocabulary * FLOAT

    def picking(self, rows: int) -> float:
        """Return the bytes of picking one token per row."""
        rows = min(rows, engine.ROWS) if self.foreign else rows
        return PICK_COPIES * rows * self.shape.vocabulary * FLOAT

    def cache(self, rows: int, response: int) -> float:
        """Return the bytes of keys and values of every layer and token."""
        copies = 1.0 if self.config.rollout.decode == "lean" else CACHE_COPIES
        return copies * rows * (self.prompt + response) * self.shape.cached * self.width

    def passing(self, rows: float) -> float:
        """Return the bytes that a layer holds of whole rows for the next one, without a backward pass."""
        shape = self.shape
        return rows * self.row * (4 * shape.hidden + 3 * shape.intermediate) * FLOAT + self.scores(rows)

    def scores(self, rows: float) -> float:
        """Return the bytes of attention scores, if one is held for every pair of tokens."""
        eager = self.config.model.attention == "eager"
        return 3 * rows * self.shape.heads * self.row**2 * FLOAT if eager else 0

    def layer(self, rows: float) -> float:
        """Return the bytes that one layer holds of whole rows for its backward pass."""
        shape, tokens = self.shape, rows * self.row
        inner = (4 if shape.gated else 6) * shape.intermediate
        numbers = 7 * shape.hidden + 5 * shape.attention + 3 * shape.kv + inner
        # in bfloat16 the inputs of linear layers are half as large, and norms and sums are still in float32
        return tokens * numbers * FLOAT * (0.75 if self.half else 1) + self.scores(rows)

    def activations(self, rows: float) -> float:
        """Return the bytes that all layers hold of whole rows for the backward pass."""
        if self.config.trainer.gradient_checkpointing:
            inputs = rows * self.row * self.shape.hidden * self.shape.layers * FLOAT
            return inputs + self.layer(rows)
        return self.shape.layers * self.layer(rows)


def trained_numbers(shape: Shape, config: TrainConfig) -> int:
    """Return the number of trained numbers: all, or those of the adapters, which are added to the base's."""
    rank = config.model.lora.rank
    if rank == 0:
        return shape.parameters
    return rank * shape.layers * sum(map(sum, _widths(shape, config.model.lora.targets)))


def linear_numbers(shape: Shape, targets: Sequence[str] = ()) -> int:
    """Return the number of numbers in the layers' matrices: all of them, or the named ones."""
    return shape.layers * sum(inner * outer for inner, outer in _widths(shape, targets))


def _widths(shape: Shape, targets: Sequence[str]) -> list[tuple[int, int]]:
    """Return the (input, output) widths of each of a layer's matrices."""
    usual = [name for name in LORA_PAIRS if shape.gated or name != "gate_proj"]
    pairs = (LORA_PAIRS.get(name, ("hidden", "hidden")) for name in targets or usual)
    return [(getattr(shape, inner), getattr(shape, outer)) for inner, outer in pairs]
