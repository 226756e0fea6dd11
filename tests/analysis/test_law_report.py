"""The law of entropy in a report: its table, its figure, and a replay without it."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from synthetic_replay import law, replay_head, replay_rows, write_toy_replay

from analysis.evidence.replay import Replay
from analysis.figures.replay import replay_law
from analysis.replay_report import show_replay
from analysis.tables.replay.law import law_table
from analysis.text.table import to_csv
from sspo.errors import UserError

pytestmark = pytest.mark.usefixtures("outlined", "undrawn")


def write(folder: Path, **changes: Any) -> Path:
    return write_toy_replay(folder, head={**replay_head(), **changes})


def test_the_table_has_the_numbers_of_the_replay_and_their_runs(tmp_path: Path) -> None:
    folder = write(tmp_path, law=law())
    table = law_table(Replay(folder, first_run=3))
    assert table is not None
    rows = list(csv.DictReader(io.StringIO(to_csv(table))))
    for row, record in zip(rows, law()["rules"], strict=True):
        assert row["rule"] == record["rule"]
        for name in ("exponent", "length_exponent", "exponent_absolute", "exponent_offset"):
            ends = [float(row[f"{name}{end}"]) for end in ("", "_low", "_high")]
            assert ends == [record[name][key] for key in ("value", "low", "high")]
        gains = [0.0, *(record["gain"][name]["value"] for name in ("sqrt", "linear", "free"))]
        excess = [float(row[f"excess_{name}"]) for name in ("fixed", "sqrt", "linear", "free")]
        assert excess == pytest.approx([max(gains) - gain for gain in gains])
    trace = table.rows[0].cells[3].trace
    assert trace is not None
    assert trace.values == tuple((3 + run["run"], run["exponent"]) for run in law()["rules"][0]["runs"])
    assert table.notes[0] == law()["verdict"]
    assert "over runs" in table.heads[3]


def test_one_run_says_that_its_intervals_are_over_rollouts(tmp_path: Path) -> None:
    head = {**replay_head(), "law": law(1), "runs": replay_head()["runs"][:1]}
    rows = replay_rows()
    table = law_table(Replay(write_toy_replay(tmp_path, rows[rows["run"] == 0], head)))
    assert table is not None
    assert "over rollouts" in table.heads[3]
    assert "say nothing about other seeds" in " ".join(table.notes)


def test_the_figure_shows_the_geometric_mean_over_runs_and_the_power_law_through_its_center(
    tmp_path: Path,
) -> None:
    replay = Replay(write(tmp_path, law=law()))
    found = replay_law.binned(replay)
    assert found is not None
    for one, record in zip(found, law()["rules"], strict=True):
        first, second = ({b["bin"]: b["square"] for b in run["bins"]} for run in record["runs"])
        both = sorted(first.keys() & second.keys())
        wanted = [(first[k] * second[k]) ** 0.5 for k in both]
        np.testing.assert_allclose(one.mean[np.isfinite(one.mean)], wanted)
        x, y = one.along(one.exponent, 0.01, (0.0, 1e9))
        slope = np.polyfit(np.log(x), np.log(y), 1)[0]
        assert slope == pytest.approx(record["exponent"]["value"])
        assert np.interp(one.center[0], x, y) == pytest.approx(one.center[1], rel=0.01)
    chart = replay_law.chart(replay, found)
    assert [len(panel.slopes) for panel in chart.panels] == [4, 4]
    for panel in chart.panels:
        for slope in panel.slopes:
            assert all(0 <= panel.y.place(value) <= 1 for value in slope.y)
    figure = replay_law.draw(replay, found)
    assert [ax.get_title().split(":")[0] for ax in figure.axes] == ["token", "response", "", ""][
        : len(figure.axes)
    ]


def test_a_replay_without_the_law_is_read_as_before_and_a_broken_one_is_refused(tmp_path: Path) -> None:
    replay = Replay(write(tmp_path / "old"))
    assert (law_table(replay), replay_law.binned(replay)) == (None, None)
    rules = [{**row, "exponent": {}} for row in law()["rules"]]
    with pytest.raises(UserError, match="lacks a usable 'value'"):
        Replay(write(tmp_path / "broken", law={**law(), "rules": rules}))
    with pytest.raises(UserError, match="from different replays"):
        Replay(write(tmp_path / "other", law=law(3)))
    folder = write(tmp_path / "new", law=law())
    assert "law.md, .tex and .csv" in show_replay(folder)
    assert "## The law of entropy" in (folder / "index.md").read_text()
    assert "![replay_law](replay_law.png)" in (folder / "index.md").read_text()
