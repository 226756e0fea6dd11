"""Seconds by rollout, from run folders to compact logs and the table `learning`, by hand."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from synthetic_store import ARMS, Scale, timing_of, write_study

from analysis.evidence.evidence import Evidence
from analysis.evidence.learning import Learning, learning
from analysis.logs.compact import Logs, read_logs
from analysis.logs.digests import changes, stream_digests
from analysis.logs.run_folders import compact
from analysis.logs.timing import COLUMNS, KEYS, TIMING, once_a_rollout, training_seconds
from analysis.logs.trace import TIMING as STREAM
from analysis.report import write_report
from analysis.tables.learning import AREA_BY, REACHED, learning_table
from analysis.text.table import Table
from analysis.verify.verify import verify
from sspo.errors import UserError
from sspo.metrics import TIMING_KEYS
from sspo.runs import runlog

FEW = [arm for arm in ARMS if arm.name in ("base", "no_clip", "grpo", "sspo")]
SCALE = Scale(seeds=4, rollouts=4, questions=6, every=1, seconds=10.0)
COLUMNS_OF_SECONDS = {AREA_BY["seconds"], REACHED["seconds"]}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("store")
    (place / "manifest.json").write_text(json.dumps(write_study(place, FEW, SCALE)))
    return place


def made(store: Path, out: Path) -> Path:
    compact(store, json.loads((store / "manifest.json").read_text()), out)
    return out


@pytest.fixture(scope="module")
def logs(store: Path) -> Logs:
    return read_logs(made(store, store / "logs"))


def timed(logs: Logs, *, change: dict[int, float] | None = None, without: tuple[int, ...] = ()) -> Logs:
    """Logs whose runs took other seconds: `change` multiplies, `without` have none."""
    assert logs.timing is not None
    rows = logs.timing[~logs.timing["run"].isin(without)].copy()
    for run, factor in (change or {}).items():
        rows.loc[rows["run"] == run, list(KEYS)] *= factor
    return dataclasses.replace(logs, timing=rows)


def found(logs: Logs) -> Learning:
    result = learning(Evidence(logs))
    assert result is not None
    return result


def table(logs: Logs) -> Table:
    result = learning_table(Evidence(logs))
    assert result is not None
    return result


def of_seconds(table: Table) -> str:
    """What the caption says of them."""
    return next(sentence for sentence in table.notes if "econds" in sentence)


def data(logs: Logs) -> dict[str, dict[str, Any]]:
    return {row.key: {k: v for cell in row.cells for k, v in cell.data.items()} for row in table(logs).rows}


def test_compact_logs_keep_the_phases_of_each_rollout_and_training_is_four_of_them(logs: Logs) -> None:
    assert set(KEYS) <= set(TIMING_KEYS)
    assert logs.timing is not None
    assert list(logs.timing) == ["run", "rollout", *KEYS]
    assert len(logs.timing) == 12 * 4  # the base trains nothing
    one = logs.timing[(logs.timing["run"] == 5) & (logs.timing["rollout"] == 2)].iloc[0]
    assert (one["seconds/update"], one["seconds/evaluation"], one["speed/sampled_tokens"]) == (2.5, 9, 1000)
    assert pd.isna(one["seconds/checkpoint"])
    seconds = training_seconds(logs.timing)
    assert sorted(seconds) == list(range(1, 13))
    assert seconds[5].to_dict() == {0: 10, 1: 10, 2: 10, 3: 10}


def test_without_seconds_there_is_no_file_and_all_others_are_what_they_were(
    store: Path, logs: Logs, tmp_path: Path
) -> None:
    untimed = tmp_path / "untimed"
    manifest = write_study(untimed, FEW, dataclasses.replace(SCALE, seconds=None))
    compact(untimed, manifest, tmp_path / "logs")
    assert not (tmp_path / "logs" / TIMING).exists()
    assert (store / "logs" / TIMING).is_file()
    for path in (tmp_path / "logs").iterdir():
        assert path.read_bytes() == (store / "logs" / path.name).read_bytes(), path.name
    assert set(stream_digests(store / "logs")) - set(stream_digests(tmp_path / "logs")) == {STREAM}
    plain = read_logs(tmp_path / "logs")
    assert plain.timing is None
    assert not COLUMNS_OF_SECONDS & set(table(plain).columns)
    assert of_seconds(table(plain)) == "These logs have no seconds by rollout."
    made(store, tmp_path / "logs")
    assert (tmp_path / "logs" / TIMING).is_file()
    compact(untimed, manifest, tmp_path / "logs")  # over logs that had seconds
    assert not (tmp_path / "logs" / TIMING).exists()


def test_a_rollout_that_is_there_twice_counts_once_as_it_was_later() -> None:
    rows = [
        {"rollout": r, "seconds/update": s} for r, s in [(0, 1.0), (1, 2.0), (2, 3.0), (1, 5.0), (3, 6.0)]
    ]
    log = pa.Table.from_pylist([{name: row.get(name) for name in COLUMNS.names} for row in rows], COLUMNS)
    once = once_a_rollout(log)
    assert once["rollout"].to_pylist() == [0, 1, 2, 3]
    assert once["seconds/update"].to_pylist() == [1, 5, 3, 6]
    assert once_a_rollout(once).equals(once)
    assert len(once_a_rollout(COLUMNS.empty_table())) == 0


def test_a_resumed_run_that_logged_a_rollout_twice_took_its_later_seconds(tmp_path: Path) -> None:
    manifest = write_study(tmp_path, FEW, SCALE)
    folder = tmp_path / "cells" / manifest["arms"][2]["cell"] / "seed0"
    lines = (folder / runlog.TIMING).read_text().splitlines()
    again = json.dumps({"rollout": 1, **timing_of(40.0)})
    (folder / runlog.TIMING).write_text("\n".join([*lines[:2], again, *lines[2:]]) + "\n")
    compact(tmp_path, manifest, tmp_path / "logs", as_ended=False)
    seconds = training_seconds(read_logs(tmp_path / "logs").timing)
    assert seconds[5].to_dict() == {0: 10, 1: 40, 2: 10, 3: 10}


@pytest.mark.parametrize("damage", ["line", "ended"])
def test_a_damaged_log_of_seconds_costs_the_run_nothing_else(tmp_path: Path, damage: str) -> None:
    manifest = write_study(tmp_path, FEW, SCALE)
    folder = tmp_path / "cells" / manifest["arms"][2]["cell"] / "seed0"
    path = folder / runlog.TIMING
    path.write_text(
        "torn\n" + path.read_text() if damage == "line" else path.read_text().replace("9.0", "8.0", 1)
    )
    compact(tmp_path, manifest, tmp_path / "logs", as_ended=damage == "ended")
    logs = read_logs(tmp_path / "logs")
    assert logs.runs[5]["status"] == "done"
    assert "its seconds by rollout are left out: timing.jsonl" in logs.runs[5]["timing"]
    assert sum("timing" in run for run in logs.runs) == 1
    assert 5 not in training_seconds(logs.timing)
    assert len(logs.metrics[logs.metrics["run"] == 5]) == 8
    assert (
        of_seconds(table(logs))
        == "Seconds: of training on the machines used, including the effect of other load; up to 30; 1 of 12 runs have none."
    )


def test_a_run_that_is_twice_as_slow_is_matched_at_the_fastest_total(logs: Logs) -> None:
    result = found(timed(logs, change={9: 2.0}))
    assert result.seconds == 30  # evaluations end after three rollouts of ten seconds
    score = result.curves[9].score
    # thirty seconds are one and a half of its rollouts
    middle = (score[1] + score[2]) / 2
    expected = ((score[0] + score[1]) / 2 + (score[1] + middle) / 2 / 2) / 1.5
    assert result.area_by("seconds", 9) == pytest.approx(expected)
    assert result.area_by("seconds", 5) == pytest.approx(result.area(5))
    assert result.curves[9].seconds == pytest.approx([0, 20, 40, 60])
    assert result.target is not None
    there = [20 * place for place in range(4) if score[place] >= result.target.score]
    assert result.reached(9, "seconds") == (there[0] if there else None)


def test_the_table_has_means_and_medians_over_runs_by_seconds(logs: Logs) -> None:
    changed = timed(logs, change={9: 2.0, 10: 3.0})
    result, row = found(changed), data(changed)["sspo"]
    assert set(table(changed).columns) >= COLUMNS_OF_SECONDS
    areas = [result.area_by("seconds", run) for run in range(9, 13)]
    assert row["area_by_seconds"] == pytest.approx(100 * sum(a or 0 for a in areas) / 4)
    assert row["area_by_seconds_n"] == 4
    places = sorted(p for run in range(9, 13) if (p := result.reached(run, "seconds")) is not None)
    assert len(places) == 4
    assert row["seconds_to_target"] == pytest.approx((places[1] + places[2]) / 2)
    assert data(changed)["no_clip"]["seconds_to_target"] is None
    assert "up to 30." in of_seconds(table(changed))


def test_runs_without_seconds_or_with_a_gap_are_left_out_and_counted(logs: Logs) -> None:
    some = timed(logs, without=(5, 6, 7, 8, 9))
    row = data(some)
    assert row["sspo"]["area_by_seconds_n"] == 3
    assert row["sspo"]["area_n"] == 4
    assert "area_by_seconds" not in row["grpo"]
    assert "seconds_to_target" not in row["grpo"]
    assert of_seconds(table(some)).endswith("; 5 of 12 runs have none.")
    assert logs.timing is not None
    rows = logs.timing
    gap = dataclasses.replace(logs, timing=rows[(rows["run"] != 9) | (rows["rollout"] != 1)])
    assert not found(gap).timed(9)
    after = dataclasses.replace(logs, timing=rows[(rows["run"] != 9) | (rows["rollout"] != 3)])
    assert found(after).timed(9)  # the last evaluation on the way comes before that rollout


def test_whatever_changes_with_seconds_says_so(logs: Logs) -> None:
    before, after = table(logs), table(timed(logs, change={9: 0.5}))
    changed = 0
    for old, new in zip(before.rows, after.rows, strict=True):
        for was, now in zip(old.cells[1:], new.cells[1:], strict=True):
            if (was.data, was.text) != (now.data, now.text):
                changed += 1
                assert was.trace is not None
                assert 9 in was.trace.reads[STREAM]
    assert changed
    assert before.notes != after.notes
    assert before.caption_trace is not None
    assert 9 in before.caption_trace.reads[STREAM]


def test_a_changed_second_is_a_change_of_that_run_alone(store: Path, tmp_path: Path) -> None:
    place = made(store, tmp_path / "logs")
    before = stream_digests(place)
    rows = pq.read_table(place / TIMING).to_pandas()
    rows.loc[rows["run"] == 7, "seconds/update"] += 1
    rows.to_parquet(place / TIMING)
    assert {stream: set(runs) for stream, runs in changes(before, stream_digests(place)).items()} == {
        STREAM: {7}
    }
    (place / TIMING).write_bytes(b"no parquet")
    with pytest.raises(UserError, match=r"timing\.parquet cannot be read"):
        read_logs(place)


@pytest.mark.usefixtures("undrawn")
def test_a_report_names_the_cells_of_a_changed_second_and_older_ones_stay_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, out = tmp_path / "store", tmp_path / "reports"
    manifest = write_study(store, FEW[2:], dataclasses.replace(SCALE, seeds=2, questions=2))
    path = store / "cells" / manifest["arms"][0]["cell"] / "seed0" / runlog.TIMING
    write_report("toy", "paper", store, out)
    assert verify("toy", None, store, out).intact
    monkeypatch.setattr("analysis.verify.verify.differences", lambda *of: {})
    whole = path.read_text()
    path.write_text(whole.replace('"seconds/update": 2.5', '"seconds/update": 3.5', 1))
    said = verify("toy", None, store, out)
    assert not said.intact
    assert f"{path} has changed" in said.lines
    assert "  grpo seed 0: timing" in said.lines
    touched = next(line for line in said.lines if line.startswith("  touches "))
    assert f"learning[grpo,{AREA_BY['seconds']}]" in touched
    assert "results[" not in touched
    for line in store.glob(f"cells/*/*/{runlog.TIMING}"):
        line.rename(line.with_suffix(".later"))
    for marker in store.glob(f"cells/*/*/{runlog.DONE}"):
        content = json.loads(marker.read_text())
        content["logs"].pop(runlog.TIMING, None)
        marker.write_text(json.dumps(content))
    write_report("toy", "paper", store, out)
    for later in store.glob("cells/*/*/timing.later"):  # as if the report were of before seconds were kept
        later.rename(later.with_name(runlog.TIMING))
    assert verify("toy", None, store, out).intact
    record = path.parent / "env.json"
    record.write_text(record.read_text().replace("2.13.0", "2.13.1"))
    assert not any("timing" in line for line in verify("toy", None, store, out).lines)
