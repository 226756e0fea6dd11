"""Recordings on disk: nothing is lost, little is written, and damage is refused."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import fields, replace

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sspo.errors import UserError
from sspo.recording.file import read_recorded, to_bytes
from sspo.types import Batch, TokenExtras
from tests.bench.synthetic_recording import write_run
from tests.recording.examples import TOKENS, recorded_rollout

RESPONSE_FIELDS = tuple(
    field.name for field in fields(Batch) if not field.name.startswith("prompt") and field.name != "extras"
)


@given(seed=st.integers(0, 10_000), epochs=st.integers(1, 2))
@settings(max_examples=25, deadline=None)
def test_what_is_written_is_what_is_read(tmp_path_factory, seed, epochs):
    before = recorded_rollout(seed, epochs=epochs)
    if epochs == 2:  # a run with a KL penalty and truncated importance sampling
        old_BT = before.batch.old_logp_BT
        extras = TokenExtras(reference_logp_BT=2 * old_BT, sampler_logp_BT=3 * old_BT)
        before = replace(before, batch=replace(before.batch, extras=extras))
    path = tmp_path_factory.mktemp("recording") / "rollout000004.parquet"
    path.write_bytes(to_bytes(before))
    after = read_recorded(path)
    width = after.batch.mask_BT.shape[1]  # padding that no row needs is not kept
    assert width == int(before.batch.mask_BT.sum(1).max()) <= TOKENS
    for name in RESPONSE_FIELDS:
        assert getattr(before.batch, name)[:, :width].tolist() == getattr(after.batch, name).tolist(), name
    for name in (field.name for field in fields(TokenExtras)):
        left, right = getattr(before.batch.extras, name), getattr(after.batch.extras, name)
        assert (left is None) == (right is None), name
        assert left is None or left[:, :width].tolist() == right.tolist(), name
    prompts = before.batch.prompt_BL[before.batch.prompt_mask_BL]
    assert prompts.tolist() == after.batch.prompt_BL[after.batch.prompt_mask_BL].tolist()
    mask_NT = before.batch.mask_BT[before.visits.row_N]
    logp_N = after.visits.logp_NT[after.batch.mask_BT[after.visits.row_N]]
    assert before.visits.logp_NT[mask_NT].tolist() == logp_N.tolist()
    for name in ("row_N", "update_N"):
        assert getattr(before.visits, name).tolist() == getattr(after.visits, name).tolist()
    for name in ("number", "first_step", "clip_scale", "problem_ids", "scores"):
        assert getattr(before, name) == getattr(after, name), name


def test_any_data_frame_library_reads_it(tmp_path):
    recorded = recorded_rollout(0)
    path = tmp_path / "rollout000004.parquet"
    path.write_bytes(to_bytes(recorded))
    frame = pd.read_parquet(path)
    first = frame.iloc[0]
    assert (first["update"], first["row"]) == (0, int(recorded.visits.row_N[0]))
    assert len(first["token"]) == len(first["logp"]) == int(recorded.batch.mask_BT[first["row"]].sum())
    assert first["problem"] == recorded.problem_ids[first["row"] // 4]


def test_a_token_a_visit_takes_at_most_24_bytes(tmp_path):
    folder = write_run(tmp_path / "run", rollouts=1, prompts=16, responses=16, tokens=64, logs=False)
    (path,) = (folder / "recording").iterdir()
    tokens = 16 * 16 * 64
    group = pq.ParquetFile(path).metadata.row_group(0)
    plain = sum(group.column(i).total_uncompressed_size for i in range(group.num_columns))
    assert plain / tokens < 24
    assert path.stat().st_size / tokens < 18


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_one_changed_byte_is_refused_or_changes_nothing(tmp_path_factory, data):
    content = to_bytes(recorded_rollout(1))
    place = data.draw(st.integers(0, len(content) - 1))
    flipped = content[place] ^ data.draw(st.integers(1, 255))
    path = tmp_path_factory.mktemp("recording") / "r.parquet"
    path.write_bytes(content[:place] + bytes([flipped]) + content[place + 1 :])
    with suppress(UserError):
        assert to_bytes(read_recorded(path)) == content  # a byte that the container does not use


@pytest.mark.parametrize("kept", [0, 1, 100, -1, -400])
def test_a_truncated_recording_is_refused_in_one_sentence(tmp_path, kept):
    path = tmp_path / "r.parquet"
    content = to_bytes(recorded_rollout(2))
    path.write_bytes(content[:kept])
    with pytest.raises(UserError, match="is not a complete recording"):
        read_recorded(path)


@pytest.mark.parametrize("name", ["problem", "advantage"])
def test_a_recording_with_a_null_is_refused_in_one_sentence(tmp_path, name):
    path = tmp_path / "r.parquet"
    table = pq.read_table(pa.BufferReader(to_bytes(recorded_rollout(2))))
    values = [None, *table.column(name).to_pylist()[1:]]
    place = table.column_names.index(name)
    pq.write_table(table.set_column(place, name, pa.array(values, table.schema.field(name).type)), path)
    with pytest.raises(UserError, match="is not a complete recording"):
        read_recorded(path)


def test_another_parquet_file_is_no_recording(tmp_path):
    path = tmp_path / "r.parquet"
    pd.DataFrame({"update": [1]}).to_parquet(path)
    with pytest.raises(UserError, match="is not a complete recording"):
        read_recorded(path)
