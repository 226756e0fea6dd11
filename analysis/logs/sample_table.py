"""Sampled responses in the compact logs: samples.parquet, one row per response, in the order in which they are shown.

Logs written before samples existed have no such file, and their report lacks this section. Equal content gives equal bytes.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from analysis.logs.samples import Sample
from sspo.errors import UserError
from sspo.runs.runlog import write_atomic

SAMPLES = "samples.parquet"
SCHEMA = pa.schema(
    [
        ("run", pa.int16()),
        ("rollout", pa.int32()),
        ("row", pa.int16()),
        ("prompt", pa.string()),
        ("advantage", pa.float32()),
        ("tokens", pa.int32()),
        ("segments", pa.int32()),
        ("clipped_tokens", pa.int32()),
        ("segment_tokens", pa.list_(pa.int32())),
        ("segment_entropy", pa.list_(pa.float32())),
        ("texts", pa.list_(pa.string())),
        ("log_ratio", pa.list_(pa.float32())),
        ("clipped", pa.list_(pa.bool_())),
    ]
)

PIECE_SEGMENT = pa.field("piece_segment", pa.list_(pa.int32()))
"""A column of logs in which a rule groups tokens that are not neighbors."""


def write_samples(folder: Path, samples: Sequence[Sample]) -> None:
    """Write samples.parquet; without samples, remove one that an earlier report left."""
    path = folder / SAMPLES
    if not samples:
        path.unlink(missing_ok=True)
        return
    schema = SCHEMA.append(PIECE_SEGMENT) if any(sample.grouped for sample in samples) else SCHEMA
    table = pa.Table.from_pylist([asdict(sample) for sample in samples], schema=schema)
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", compression_level=9)
    write_atomic(path, buffer.getvalue())


def read_samples(folder: Path) -> tuple[Sample, ...]:
    """Read the samples of compact logs; empty if there is no file. Raises UserError if it cannot be read."""
    path = folder / SAMPLES
    if not path.is_file():
        return ()
    try:
        grouped = PIECE_SEGMENT.name in pq.read_schema(path).names
        schema = SCHEMA.append(PIECE_SEGMENT) if grouped else SCHEMA
        return tuple(_sample(row) for row in pq.read_table(path, schema=schema).to_pylist())
    except (pa.ArrowException, OSError, KeyError, TypeError) as error:
        raise UserError(
            f"{path} cannot be read ({' '.join(str(error).split())}): restore it, remove it or report from run folders"
        ) from error


def _sample(row: Mapping[str, Any]) -> Sample:
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in row.items()}
    return Sample(**values)
