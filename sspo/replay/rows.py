"""Rows of the replay table as they come: a chunk a rollout and curve, with what is equal over its rows held once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from sspo.replay.table import SCHEMA, with_fractions


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """U x K rows: optimiser steps of a rollout by points of a curve."""

    updates: int
    points: int
    columns: Mapping[str, Any]
    """Numbers (U, K) or what broadcasts to that, or one text for all rows."""


def table_of(chunks: Sequence[Chunk]) -> pa.Table:
    """The replay table of all chunks, in their order."""
    if not chunks:
        return SCHEMA.empty_table()
    sizes = [chunk.updates * chunk.points for chunk in chunks]
    return with_fractions({name: _column(name, chunks, sizes) for name in chunks[0].columns})


def _column(name: str, chunks: Sequence[Chunk], sizes: Sequence[int]) -> Any:
    values = [chunk.columns[name] for chunk in chunks]
    if isinstance(values[0], str):
        words = list(dict.fromkeys(values))
        codes = np.repeat(np.array([words.index(value) for value in values], np.int32), sizes)
        return pa.DictionaryArray.from_arrays(codes, words)
    column = np.empty(sum(sizes), SCHEMA.field(name).type.to_pandas_dtype())
    end = 0
    for chunk, size, value in zip(chunks, sizes, values, strict=True):
        column[end : end + size].reshape(chunk.updates, chunk.points)[:] = value
        end += size
    return column
