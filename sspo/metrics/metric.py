"""Mergeable observations: micro-batches merge before anything is divided, so that a mean of means cannot occur.

Values may be Python numbers or scalar tensors; nothing is read back from a device before `value()`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from sspo.metrics.glossary import PERCENTILES, entry_of


@dataclass(frozen=True)
class Metric:
    """A mergeable observation. parts: mean (total, count); sd (total, total of squares, count); sum, last (value,);
    min, max (value,); percentiles (p01 to p99) arrays of values, NaN if missing.
    """

    reduction: str
    parts: tuple[Any, ...]
    min_count: int = 1

    def merge(self, other: Metric) -> Metric:
        """Return the observation over both parts of a batch."""
        if self.reduction != other.reduction or self.reduction == "last":
            raise ValueError(f"cannot merge {self.reduction} with {other.reduction}")
        if self.reduction in PERCENTILES:
            return Metric(self.reduction, self.parts + other.parts)
        if self.reduction in ("min", "max"):
            pick = min if self.reduction == "min" else max
            return Metric(self.reduction, (pick(float(self.parts[0]), float(other.parts[0])),))
        parts = tuple(a + b for a, b in zip(self.parts, other.parts, strict=True))
        return Metric(self.reduction, parts, self.min_count)

    def value(self) -> float | None:
        """Return the reduced value, or None if nothing (or too little) was observed, or a part is not finite."""
        if self.reduction in PERCENTILES:
            values = np.concatenate([_array(part) for part in self.parts])
            found = float(np.percentile(values, PERCENTILES[self.reduction])) if values.size else math.nan
            return found if math.isfinite(found) else None
        numbers = [float(part) for part in self.parts]
        if self.reduction in ("mean", "sd") and numbers[-1] < max(self.min_count, 1):
            return None
        if not all(map(math.isfinite, numbers)):
            return None
        if self.reduction == "mean":
            return numbers[0] / numbers[1]
        if self.reduction == "sd":
            mean = numbers[0] / numbers[2]
            return math.sqrt(max(numbers[1] / numbers[2] - mean * mean, 0.0))
        return numbers[0]


def _array(part: Any) -> np.ndarray:
    values = np.asarray(part.cpu() if hasattr(part, "cpu") else part, dtype=np.float64).ravel()
    return values[~np.isnan(values)]


def observe(key: str, *parts: Any) -> Metric:
    """Return a Metric with the glossary's reduction for `key`."""
    entry = entry_of(key)
    if entry is None:
        raise KeyError(key)
    return Metric(entry.reduction, parts, entry.min_count)


def merge_all(batches: list[dict[str, Metric]]) -> dict[str, Metric]:
    """Merge the metrics of all micro-batches of a step, key by key."""
    merged = dict(batches[0])
    for batch in batches[1:]:
        for key, metric in batch.items():
            merged[key] = merged[key].merge(metric)
    return merged
