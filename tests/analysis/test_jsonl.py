"""Lines of a log to columns: the fast way and the slow one agree on anything, and a bad line is named."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.logs.jsonl import BadLine, _fast, parse_lines, parse_slowly, whole_lines

SCHEMA = pa.schema(
    [("step", pa.int32()), ("a", pa.float32()), ("d", pa.float64()), ("s", pa.string()), ("b", pa.bool_())]
)
TOKENS = ("1", "-0", "0.1", "1e39", "1e400", "1e-50", "null", "NaN", "-Infinity", "true", '"x"', '"\\ud800"', '"NaN"', "[1]",
    "{}", "3000000000", "1.0", "12345678901234567890123", "16777217", "0.1000000014901161193847", "01", "+1", '"é"', "é")  # fmt: skip
ODD = ("", " ", "[]", "1", "x", "{}{}", '{"a":', "1}", '{"z":[{}', "{}]}", "\r", "\x0c", "\ufeff{}", "{} ")
PAIRS = st.lists(st.tuples(st.sampled_from([*SCHEMA.names, "z"]), st.sampled_from(TOKENS)), max_size=4)
LINES = st.lists(
    st.one_of(
        PAIRS.map(lambda pairs: "{" + ", ".join(f'"{k}": {v}' for k, v in pairs) + "}"), st.sampled_from(ODD)
    ),
    max_size=5,
)


@settings(deadline=None)
@given(LINES)
def test_the_fast_way_answers_only_as_the_slow_one_would(lines: list[str]) -> None:
    content = "".join(line + "\n" for line in lines).encode()
    fast = _fast(content, SCHEMA) if content else SCHEMA.empty_table()
    if fast is not None:
        assert fast.combine_chunks().equals(parse_slowly(content, SCHEMA).combine_chunks())


@settings(deadline=None)
@given(
    st.lists(st.dictionaries(st.sampled_from(SCHEMA.names[1:3]), st.floats(-1e30, 1e30)), max_size=4),
    st.data(),
)
def test_what_is_left_of_a_torn_log_is_its_whole_lines(
    rows: list[dict[str, float]], data: st.DataObject
) -> None:
    content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    cut = data.draw(st.integers(0, len(content)))
    kept = content[:cut].count(b"\n")
    table = parse_lines(whole_lines(content[:cut]), SCHEMA)
    assert table.column("d").to_pylist() == [row.get("d") for row in rows[:kept]]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('{"a": NaN}', "line 2: NaN is not JSON"),
        ('{"z": -Infinity}', "line 2: -Infinity is not JSON"),
        ('{"a": "x"}', "line 2: a is 'x', expected float"),
        ('{"step": 3000000000}', "line 2: step is '3000000000', expected int32"),
        ('{"a": 1e39}', "line 2: a is '1e39', expected float"),
        ('{"a": 1, "a": 2}', "line 2: a appears twice"),
        ("[1]", "line 2: not a JSON object"),
        ('{"a": 1', "line 2: not JSON (Expecting ',' delimiter: line 1 column 8 (char 7))"),
        ('{"z": ' + "[" * 100_000, "line 2: nested too deeply"),
    ],
)  # fmt: skip
def test_a_bad_line_is_named(line: str, why: str) -> None:
    with pytest.raises(BadLine) as caught:
        parse_lines(f'{{"a": 1}}\n{line}\n{{"a": 2}}\n'.encode(), SCHEMA)
    assert str(caught.value) == why


def test_bytes_that_are_no_text_are_named() -> None:
    with pytest.raises(BadLine, match="line 1: bytes that are not UTF-8 text"):
        parse_lines(b'{"s": "\xff"}\n', SCHEMA)
