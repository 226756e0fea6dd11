"""Kept columns: what they save, and that nothing can make them wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.logs import column_cache
from analysis.logs.column_cache import FOLDER, read_columns
from analysis.logs.jsonl import BadLine
from analysis.provenance.freshness import are_current, note_current

SCHEMA = pa.schema([("step", pa.int32()), ("a", pa.float32())])


def line(step: int) -> str:
    return f'{{"step": {step}, "a": 0.5}}\n'


class Log:
    """A log in a store, and how much of it was parsed at each reading."""

    def __init__(self, store: Path, monkeypatch: pytest.MonkeyPatch):
        self.store, self.path = store, store / "cells" / "x" / "metrics.jsonl"
        self.path.parent.mkdir(parents=True)
        self.parsed: list[int] = []
        parse = column_cache.parse_lines

        def counted(content: bytes, schema: pa.Schema) -> pa.Table:
            self.parsed.append(content.count(b"\n"))
            return parse(content, schema)

        monkeypatch.setattr(column_cache, "parse_lines", counted)

    def steps(self) -> list[int]:
        self.parsed.clear()
        return list(read_columns(self.store, self.path, SCHEMA).column("step").to_pylist())

    @property
    def cached(self) -> Path:
        return next((self.store / FOLDER).rglob("*.arrow"))


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Log:
    made = Log(tmp_path, monkeypatch)
    made.path.write_text(line(1) + line(2) + line(3)[:-4])
    return made


def test_only_what_is_new_is_parsed(log: Log) -> None:
    assert (log.steps(), log.parsed) == ([1, 2], [2])
    assert (log.steps(), log.parsed) == ([1, 2], [])
    log.path.write_text(line(1) + line(2) + line(3) + line(4))
    assert (log.steps(), log.parsed) == ([1, 2, 3, 4], [2])


def test_a_log_that_was_rewritten_is_read_anew(log: Log) -> None:
    log.steps()
    log.path.write_text(line(7) + line(2) + line(3) + line(4))
    assert (log.steps(), log.parsed) == ([7, 2, 3, 4], [4])
    log.path.write_text(line(7))
    assert log.steps() == [7]


def test_same_size_and_time_do_not_hide_another_end(log: Log) -> None:
    log.path.write_text(line(1) + line(2))
    before = log.path.stat()
    assert log.steps() == [1, 2]
    log.path.write_text(line(1) + line(9))
    os.utime(log.path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert log.steps() == [1, 9]


def test_a_bad_line_is_named_where_it_stands_in_the_whole_log(log: Log) -> None:
    log.steps()
    log.path.write_text(line(1) + line(2) + '{"a": NaN}\n' + line(4))
    with pytest.raises(BadLine, match="line 3: NaN is not JSON"):
        log.steps()


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_no_damage_to_the_cache_reaches_a_table(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    store = tmp_path_factory.mktemp("store")
    path = store / "metrics.jsonl"
    path.write_text("".join(line(i) for i in range(5)))
    read_columns(store, path, SCHEMA)
    cached = next((store / FOLDER).rglob("*.arrow"))
    content = bytearray(cached.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content[at] ^= data.draw(st.integers(1, 255))
    else:
        del content[at:]
    cached.write_bytes(content)
    assert read_columns(store, path, SCHEMA).column("step").to_pylist() == [0, 1, 2, 3, 4]


def test_other_columns_are_not_those_that_were_kept(log: Log) -> None:
    log.steps()
    wider = SCHEMA.append(pa.field("b", pa.float32()))
    assert read_columns(log.store, log.path, wider).column("b").null_count == 2


def test_a_store_that_cannot_be_written_is_read_all_the_same(
    log: Log, capsys: pytest.CaptureFixture[str]
) -> None:
    (log.store / FOLDER).write_text("in the way")
    assert log.steps() == log.steps() == [1, 2]
    assert capsys.readouterr().err.count("note: columns of the logs cannot be cached") == 1


def test_a_report_from_a_store_that_cannot_be_written_is_made_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = (tmp_path / "logs", tmp_path, "study", "default", "inputs")
    place[0].mkdir()
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "studies").touch()  # in the way, as a folder without permission is
    note_current(*place)
    assert capsys.readouterr().err.startswith("note: cannot record this report's inputs in ")
    assert not are_current(*place)
    (tmp_path / FOLDER / "studies").unlink()
    note_current(*place)
    assert are_current(*place)
    assert capsys.readouterr().err == ""
