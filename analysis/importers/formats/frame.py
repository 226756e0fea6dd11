"""CSV and Parquet files as frames, whose size is checked first, and the numbers of a column."""

from __future__ import annotations

import csv
import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from analysis.importers.limits import MOST_BYTES, check_cells, check_file, clean, shown
from sspo.errors import UserError

PARQUET = b"PAR1"
CHUNK = 2**20
COMMA = re.compile(r"\s*[-+]?\d[\d.]*,\d+\s*")
LONGEST_HEAD = 64 * 2**20
"""Maximum bytes of a header line."""


def read_frame(path: Path) -> pd.DataFrame:
    """Read the table of a file. Raises UserError if it is not a table, is too large, or has two columns of one name."""
    check_file(path)
    with path.open("rb") as stream:
        parquet = stream.read(len(PARQUET)) == PARQUET
    try:
        table = _parquet(path) if parquet else _csv(path)
    except (ValueError, pa.ArrowException, OverflowError, csv.Error, pd.errors.ParserWarning) as error:
        words = clean(" ".join(str(error).split()))[:120]
        raise UserError(f"{clean(path.name)} can be read neither as CSV nor as Parquet ({words})") from error
    table.columns = [str(name) for name in table.columns]
    if not table.columns.is_unique:
        name = table.columns[table.columns.duplicated()][0]
        raise UserError(f"{clean(path.name)} has two columns called {shown(name)}: rename one")
    return table


def _parquet(path: Path) -> pd.DataFrame:
    about = pq.ParquetFile(path).metadata
    check_cells(path.name, about.num_rows, about.num_columns)
    unpacked = sum(about.row_group(i).total_byte_size for i in range(about.num_row_groups))
    if unpacked > MOST_BYTES:
        raise UserError(
            f"{clean(path.name)} unpacks to {unpacked:,} bytes, and an import reads at most {MOST_BYTES:,} per file: "
            "export fewer metrics or rows"
        )
    table = pd.read_parquet(path)
    return table.reset_index(drop=table.index.names == [None])


def _csv(path: Path) -> pd.DataFrame:
    with path.open("rb") as stream:
        head = stream.readline(LONGEST_HEAD)
        lines = sum(chunk.count(b"\n") for chunk in iter(lambda: stream.read(CHUNK), b""))
    check_cells(path.name, lines, head.count(b",") + 1)
    if b"," not in head and b";" in head:
        raise UserError(f"{clean(path.name)} is separated by semicolons: export it with commas")
    names = next(csv.reader([head.decode("utf-8-sig", "replace").rstrip("\r\n")], strict=False), [])
    if len(set(names)) < len(names):  # pandas would number them
        name = next(name for name in names if names.count(name) > 1)
        raise UserError(f"{clean(path.name)} has two columns called {shown(name)}: rename one")
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)  # a line with more cells than the header
        return pd.read_csv(path, encoding="utf-8-sig", low_memory=False, index_col=False)


class Sheet:
    """A table's columns as numbers, nan for a cell that is empty or not a number, and the cells that are not numbers."""

    def __init__(self, table: pd.DataFrame):
        plain = [kind.kind in "biuf" for kind in table.dtypes]
        self.names = [name for name, kind in zip(table.columns, plain, strict=True) if kind]
        # all plain columns at once: one by one they dominate the time of a wide table
        numbers = table if all(plain) else table.loc[:, plain]
        self.values = numbers.to_numpy(np.float64, na_value=np.nan)
        self._bad: dict[str, NDArray[np.bool_]] = {}
        self._cells = table
        others = [name for name, kind in zip(table.columns, plain, strict=True) if not kind]
        found = [self._read(table[name]) for name in others]
        self.values = np.column_stack([self.values, *found]) if found else self.values
        self.names += others
        self._place = {name: i for i, name in enumerate(self.names)}

    def _read(self, column: pd.Series) -> NDArray[np.float64]:
        found: NDArray[np.float64] = _numbers(column).to_numpy(np.float64, na_value=np.nan)
        bad = np.isnan(found) & column.notna().to_numpy()
        if bad.any():
            self._bad[str(column.name)] = bad
        return found

    def column(self, name: str) -> NDArray[np.float64]:
        """Return the numbers of a column."""
        found: NDArray[np.float64] = self.values[:, self._place[name]]
        return found

    def bad(self, rows: NDArray[np.int64] | None = None) -> dict[str, str]:
        """Return, by column, the first cell of these rows that is not a number, with its line."""
        found = {}
        for name, mask in self._bad.items():
            at = np.flatnonzero(mask) if rows is None else rows[mask[rows]]
            if at.size:
                found[name] = cell_words(self._cells[name].iat[at[0]], int(at[0]))
        return found


def _numbers(column: pd.Series) -> pd.Series:
    """Convert a column to numbers. Dates and categories are not numbers, though pandas would convert them; Arrow's strings may be."""
    if column.dtype == object or isinstance(column.dtype, pd.StringDtype):
        try:
            return pd.to_numeric(column, errors="coerce").astype("Float64")
        except OverflowError:  # an integer beyond every float, which parses as infinite from text
            return pd.to_numeric(column.astype(str), errors="coerce").astype("Float64")
    if pd.api.types.is_numeric_dtype(column.dtype):  # integers and booleans with missing values
        return column.astype("Float64")
    return pd.Series(np.nan, index=column.index)


def cell_words(cell: object, row: int) -> str:
    """Describe a cell that is not a number, for messages; rows count from 0, below a header."""
    comma = isinstance(cell, str) and COMMA.fullmatch(cell) is not None
    return f"{shown(cell)} in line {row + 2}" + (", a comma in a number: write 0.5, 1234" if comma else "")
