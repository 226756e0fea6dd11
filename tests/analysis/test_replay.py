"""A replay's numbers from its counts: what is pooled, what is a mean of runs, and what is refused."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from synthetic_replay import RULES, TARGET, replay_head, replay_rows, write_toy_replay

from analysis.evidence.replay import Replay
from analysis.figures import style
from analysis.figures.replay import replay_clip_by_update, replay_clip_fraction, replay_trade_off
from analysis.figures.style import RULE_LOOKS
from analysis.logs.replay_counts import compact_replay
from analysis.tables.replay.captions import fidelity, unreached
from analysis.tables.replay.equal_clipping import replay_table
from analysis.text.table import to_csv
from sspo.config import RULES as ALL_RULES
from sspo.errors import UserError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_toy_replay(tmp_path / "replay")


def table_of(folder: Path) -> dict[str, dict[str, str]]:
    table = replay_table(Replay(folder))
    assert table is not None
    return {row["rule"]: row for row in csv.DictReader(io.StringIO(to_csv(table)))}


def numbers(row: dict[str, str], *names: str) -> list[float]:
    return [float(row[name]) for name in names]


def test_shares_pool_the_tokens_of_all_runs_from_the_second_update_on(folder: Path) -> None:
    token, response = (table_of(folder)[rule] for rule in ("token", "response"))
    # second update: clipped low 20 + 10 = 30, high 10 + 10 + 10 = 30, of 1000 + 3 * 500 tokens with A != 0
    low, high = 30 / 2500, 30 / 2500
    names = ("clip_frac_active", "clip_frac_active_low", "clip_frac_active_high", "signal_kept")
    assert numbers(token, *names) == pytest.approx([100 * v for v in (low + high, low, high, 1 - low - high)])
    # 15 of 30 extreme tokens pass in each of four rollouts: 120 are enough where 30 are not
    assert numbers(token, "extreme_retained_frac", "extreme_tokens") == [50, 120]
    # 60 clipped tokens are too few for a share, twice as many are enough
    assert token["collateral_clip_frac"] == ""
    assert numbers(response, "collateral_clip_frac") == [50]
    # mean ratio 1, mean square 1.04
    assert numbers(token, "ratio_sd") == pytest.approx([0.2])


def test_the_table_shows_bounds_with_their_interval_and_noise_over_runs(folder: Path) -> None:
    table = replay_table(Replay(folder))
    assert table is not None
    cells = dict(zip(table.columns, (cell.text for cell in table.rows[1].cells), strict=True))
    assert cells["rule"] == "response"
    assert (cells["target %"], cells["bound"]) == ("2.4", "0.0300 [0.0270, 0.0330]")
    assert cells["held out %"] == "2.10 (0.30)"
    assert cells["gradient noise"] == "4.00 / 6.00"  # the values of two runs
    assert table.rows[0].cells[-1].data["grad_noise_n"] == 2
    assert {row.group for row in table.rows} == {"2.4 %"}


def test_one_runs_gradient_noise_is_data_and_no_result(tmp_path: Path) -> None:
    rows = replay_rows()
    folder = write_toy_replay(tmp_path, rows.assign(grad_noise=rows["grad_noise"].where(rows["run"] == 0)))
    table = replay_table(Replay(folder))
    assert table is not None
    assert "gradient noise" not in table.columns
    assert table.rows[0].aside["grad_noise_mean"] == 4


def drawn(figure: Any) -> dict[str, Any]:
    """The labeled lines of the figure's only panel."""
    assert figure is not None
    return {line.get_label(): line for line in figure.axes[0].lines if not line.get_label().startswith("_")}


def test_the_s_curve_is_the_mean_of_runs_over_bounds(folder: Path) -> None:
    figure = replay_clip_fraction.FIGURE.of(Replay(folder)).printed()
    line = drawn(figure)["token"]
    assert line.get_xdata().tolist() == pytest.approx([0.1, 0.2, 0.4])
    # runs clip 30 / 1500 and 30 / 1000 at the matched bound: mean 2.5 %, four and two times that on the grid
    assert line.get_ydata() == pytest.approx([10, 5, 0])
    marks = [m.get_xydata().ravel().tolist() for m in figure.axes[0].lines if len(m.get_xdata()) == 1]
    assert marks == [pytest.approx([0.3, 2.5]), pytest.approx([0.03, 5])]


def test_the_trade_off_pools_runs_and_leaves_out_points_of_few_tokens(folder: Path) -> None:
    lines = drawn(replay_trade_off.FIGURE.of(Replay(folder)).printed())
    # token: 240 and 120 clipped at .1 and .2, none at .4; response twice that
    assert lines["token"].get_xydata().tolist() == [[0, 50], [0, 50]]
    assert lines["response"].get_xydata().tolist() == [[50, 50], [50, 50]]


def test_clip_by_update_begins_with_the_first(folder: Path) -> None:
    line = drawn(replay_clip_by_update.FIGURE.of(Replay(folder)).printed())["token"]
    assert line.get_xydata().tolist() == [[1, 0], [2, pytest.approx(2.5)]]


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: pd.concat([rows, rows[rows["target"].isna()].assign(high=9.0)]),  # every pair of bounds
        lambda rows: rows.assign(low=rows["low"] + 0.01 * rows["rollout"]),  # a controller moved them
        lambda rows: rows[rows["target"].notna()],  # no grid
    ],
)
def test_bounds_that_are_no_grid_give_no_curve(tmp_path: Path, change: Any) -> None:
    rows = change(replay_rows())
    assert replay_clip_fraction.FIGURE.of(Replay(write_toy_replay(tmp_path, rows))).printed() is None


def test_a_grid_of_one_side_names_it_and_carries_no_mark_of_another_shape(tmp_path: Path) -> None:
    rows = replay_rows()
    one_sided = rows.assign(low=rows["low"].where(rows["target"].notna(), 0.2))
    figure = replay_clip_fraction.FIGURE.of(Replay(write_toy_replay(tmp_path, one_sided))).printed()
    assert figure is not None
    assert figure.axes[0].get_xlabel() == "upper clip bound ε"
    assert not [line for line in figure.axes[0].lines if len(line.get_xdata()) == 1]


def test_several_objectives_are_told_apart(tmp_path: Path) -> None:
    rows = pd.concat([replay_rows(), replay_rows("grpo")])
    replay = Replay(write_toy_replay(tmp_path, rows))
    assert [curve.label for curve in replay.curves] == [
        f"{objective}, {rule}" for objective in ("grpo", "sspo") for rule in RULES
    ]
    lines = drawn(replay_clip_fraction.FIGURE.of(replay).printed())
    assert len({(line.get_color(), line.get_marker()) for line in lines.values()}) == 4


def test_a_target_that_no_bounds_meet_is_named(tmp_path: Path) -> None:
    def unmet(head: dict[str, Any]) -> None:
        head["matched"][1] |= {"low": None, "high": None, "low_interval": [None, None], "held_out": None}

    replay = Replay(write_toy_replay(tmp_path, change=unmet))
    assert unreached(replay) == "No bound was found for 2.4 % (response)."
    table = replay_table(replay)
    assert table is not None
    assert len(table.rows) == 1


def test_a_replay_that_does_not_reproduce_a_run_says_so(tmp_path: Path) -> None:
    assert "to within 2e-07" in fidelity(Replay(write_toy_replay(tmp_path)))
    off = write_toy_replay(
        tmp_path, change=lambda head: head["runs"][1].update(reproduced=False, largest_difference=None)
    )
    assert fidelity(Replay(off)).endswith("trust them less: grpo seed 1.")


def test_compact_logs_are_equal_bytes_whatever_the_order_and_pooling_them_changes_nothing(
    folder: Path, tmp_path: Path
) -> None:
    compact_replay(folder, tmp_path / "logs")
    shuffled = replay_rows().sample(frac=1, random_state=1)
    compact_replay(write_toy_replay(tmp_path / "shuffled", shuffled), tmp_path / "again")
    compact_replay(tmp_path / "logs", tmp_path / "twice")
    for name in ("replay.parquet", "replay.json"):
        content = (tmp_path / "logs" / name).read_bytes()
        assert content == (tmp_path / "again" / name).read_bytes() == (tmp_path / "twice" / name).read_bytes()
    assert table_of(tmp_path / "logs") == table_of(folder)
    # 2 runs x 2 updates x 2 rules x (3 bounds and a matched one); rollouts are summed
    assert len(Replay(tmp_path / "logs").counts) == 32


def damage(folder: Path, kind: str) -> None:
    table, head = folder / "replay.parquet", folder / "replay.json"
    if kind == "no table":
        table.unlink()
    elif kind == "torn table":
        table.write_bytes(table.read_bytes()[:-100])
    elif kind == "other columns":
        pd.DataFrame({"run": [0]}).to_parquet(table)
    elif kind == "another type":
        frame = pd.read_parquet(table)
        frame.assign(low="wide").to_parquet(table)
    elif kind == "no head":
        head.unlink()
    elif kind == "torn head":
        head.write_text(head.read_text()[:100])
    elif kind == "another format":
        head.write_text(json.dumps({"format": 2}))
    elif kind == "a list":
        head.write_text("[]")
    elif kind == "half a head":
        head.write_text(json.dumps({"format": 1, "runs": []}))
    elif kind == "endless bound":
        content = json.loads(head.read_text())
        content["matched"][0]["low"] = math.inf
        head.write_text(json.dumps(content))
    else:
        content = json.loads(head.read_text())
        content["runs"].pop()
        head.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("no table", "has no replay.parquet"),
        ("torn table", "cannot be read"),
        ("other columns", "has no column objective, rule"),
        ("another type", "cannot be read"),
        ("no head", "has no replay.json"),
        ("torn head", "is damaged"),
        ("another format", "has format 2, this version reads 1"),
        ("a list", "has format None"),
        ("half a head", "lacks a usable 'rules'"),
        ("endless bound", "Infinity is not JSON"),
        ("another replay's", "from different replays"),
    ],
)
def test_what_is_no_whole_replay_is_one_sentence_and_replaces_no_logs(
    folder: Path, tmp_path: Path, kind: str, message: str
) -> None:
    damage(folder, kind)
    with pytest.raises(UserError, match=message):
        compact_replay(folder, tmp_path / "logs")
    assert not (tmp_path / "logs").exists()
    with pytest.raises(UserError, match=message) as caught:
        Replay(folder)
    assert "\n" not in str(caught.value)


def test_every_rule_has_a_look_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(RULE_LOOKS) <= set(ALL_RULES)
    monkeypatch.setattr(style, "RULES", (*ALL_RULES, "halves", "thirds"))
    new = [style.rule_look(name) for name in ("halves", "thirds")]
    assert len({(look.color, look.marker) for look in [*new, *RULE_LOOKS.values()]}) == len(RULE_LOOKS) + 2
    assert len({(look.color, look.marker) for look in RULE_LOOKS.values()}) == len(RULE_LOOKS)


def test_targets_are_read_as_they_were_written(folder: Path) -> None:
    replay = Replay(folder)
    assert replay.summary.targets == (TARGET,)
    assert replay_clip_by_update.middle_target(replay) == TARGET
    assert np.isfinite(replay.matched_updates["tokens"]).all()
    assert replay_head()["rules"] == list(replay.summary.rules)
