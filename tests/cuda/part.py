"""What a part is given and what it gives: numbers, each with the limit that it must not pass or with none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Where a part runs."""

    device: str
    """cuda or cpu."""
    small: bool
    """Sizes that two cores of a CPU are done with in seconds."""


@dataclass(frozen=True)
class Row:
    """A measured number."""

    what: str
    value: float
    unit: str = ""
    limit: float | None = None
    """The largest value that passes; None where it is told and not judged."""
    note: str = ""

    @property
    def passed(self) -> bool:
        """Whether it keeps to its limit; NaN keeps to none."""
        return self.limit is None or self.value <= self.limit


class Run(Protocol):
    """What the file of a part exports as `run`."""

    def __call__(self, setting: Setting) -> Iterator[Row]:
        """Rows as they are measured."""
        ...


@dataclass(frozen=True, kw_only=True)
class Part:
    """A file of this folder that exports `run`, and what it takes."""

    name: str
    title: str
    seconds: float
    """After which it is stopped on CUDA."""
    on_cpu: bool = True
    """Whether there is anything to see without a CUDA device."""
    needs: Sequence[str] = ()
    """Modules beside torch, transformers and what these need."""


TRAINER = ("rich", "yaml")
PARTS = (
    Part(name="loss", title="the loss on CUDA against the CPU", seconds=45, on_cpu=False),
    Part(name="synchronization", title="nothing in the loss waits for the device", seconds=30, on_cpu=False),
    Part(name="logits", title="log-probabilities by chunks of the vocabulary", seconds=50),
    Part(name="noise", title="ratios of equal weights, by rounding alone", seconds=45),
    Part(name="decoding", title="the lean passes against transformers' own", seconds=45),
    Part(
        name="study",
        title="clip_ablation's smoke study by the sweep",
        seconds=115,
        needs=(*TRAINER, "hydra", "omegaconf", "antlr4", "psutil"),
    ),
    Part(name="training", title="a larger model through the trainer", seconds=150, needs=TRAINER),
)
"""In the order in which they run; on CUDA their seconds add up to eight minutes."""
