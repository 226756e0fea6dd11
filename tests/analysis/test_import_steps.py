"""Which steps of a log stand and which of its columns counts them; runs that go on, ended, or ended early."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.importers.read import read
from sspo.errors import UserError
from tests.analysis.foreign_logs import (
    finals,
    imported,
    scalar,
    start,
    states,
    version,
    write_events,
    write_wandb,
)


def test_a_resumed_tensorboard_run_drops_what_its_resume_threw_away(tmp_path: Path) -> None:
    first = [version(2), *(scalar(s, 0.6 + 0.02 * s) for s in range(13))]
    second = [version(2, 6), version(2, 6), start(6), *(scalar(s, 0.2 + 0.02 * s) for s in range(6, 9))]
    # TensorBoard keeps 0 to 5 of the first life, then 6, 7, 8 of the second: .2 + .02 * 8 = .36 is the last value
    left = {**{s: 0.6 + 0.02 * s for s in range(6)}, **{s: 0.2 + 0.02 * s for s in (6, 7, 8)}}
    write_events(tmp_path / "two", first, at=1)
    write_events(tmp_path / "two", second, at=2)
    write_events(tmp_path / "one", [*first, *second])
    for folder in ("one", "two"):
        (run,) = read(tmp_path / folder)
        assert {s: row["acc"] for s, row in run.rows.items()} == pytest.approx(left)
        assert "resumed at step 6" in run.note
    sources = [f"b:0={tmp_path}/two"]
    for arm, seed in (("a", 0), ("a", 1), ("b", 1)):
        write_events(tmp_path / f"{arm}{seed}", first)
        sources.append(f"{arm}:{seed}={tmp_path}/{arm}{seed}")
    logs = imported(tmp_path, sources)
    assert states(logs) == {"a0": "done", "a1": "done", "b0": "running", "b1": "done"}
    (short,) = (run for run in logs.runs if run["status"] == "running")
    assert "its log ends at step 8 of 12" in short["reason"]


def test_a_second_life_that_starts_later_drops_nothing(tmp_path: Path) -> None:
    """And a step that falls without a START is a late value, but in files of before version 2."""
    events = [scalar(s, 0.5) for s in (0, 1, 2)]
    late = [*events, scalar(1, 0.25, "eval"), scalar(0, 0.125)]
    write_events(tmp_path / "later", [version(2), *events, start(3), scalar(3, 0.75)])
    write_events(tmp_path / "late", [version(2), *late])
    write_events(tmp_path / "old", [version(1), *late])
    assert {s: r["acc"] for s, r in read(tmp_path / "later")[0].rows.items()} == {
        0: 0.5,
        1: 0.5,
        2: 0.5,
        3: 0.75,
    }
    assert read(tmp_path / "late")[0].rows == {
        0: {"acc": 0.125},
        1: {"acc": 0.5, "eval": 0.25},
        2: {"acc": 0.5},
    }
    # version 1: `eval` at 1 buries no `acc`, `acc` at 0 buries all of `acc`
    assert read(tmp_path / "old")[0].rows == {0: {"acc": 0.125}, 1: {"eval": 0.25}}


def calls(every: int, level: float) -> list[dict[str, float]]:
    """Six training steps: a row a step, profiles of their own between them, an evaluation every few."""
    rows: list[dict[str, float]] = []
    for step in range(1, 7):
        rows += [{"profiling/seconds": 0.1}] * 3 + [{"train/loss": 1.0, "train/global_step": step}]
        if step % every == 0:
            rows.append({"eval/reward": level + step / 10, "train/global_step": step})
    return rows


def test_the_training_step_comes_before_the_number_of_log_calls(tmp_path: Path) -> None:
    """Two arms that evaluate every 2 and 3 steps have made another number of calls at training step 6."""
    sources = []
    for arm, every, level in (("grpo", 2, 5.0), ("gspo", 3, 6.0)):
        for seed in (0, 1):
            path = write_wandb(tmp_path / f"{arm}{seed}" / "run-1.wandb", calls(every, level + seed))
            sources.append(f"{arm}:{seed}={path}")
    logs = imported(tmp_path, sources, "eval/reward")
    assert set(states(logs).values()) == {"done"}
    # level + seed + 6 / 10
    assert finals(logs) == {"grpo0": 5.6, "grpo1": 6.6, "gspo0": 6.6, "gspo1": 7.6}
    assert "18 rows without train/global_step left out (profiling/seconds)" in logs.runs[0]["reason"]
    # by log calls grpo is at 26 rows where gspo has 25: it ended, and says so
    counted = imported(tmp_path, sources, "eval/reward", step_from="_step")
    assert states(counted) == {
        "grpo0": "done",
        "grpo1": "done",
        "gspo0": "ended early",
        "gspo1": "ended early",
    }
    with pytest.raises(UserError, match=r"unknown step column in .*did you mean 'train/global_step'"):
        imported(tmp_path, sources, "eval/reward", step_from="train/globalstep")


@pytest.mark.parametrize(
    "name", ["global_step", "train/global_step", "trainer/global_step", "training/global_step"]
)
def test_histories_as_tables_and_lines_have_the_same_steps(name: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"_step,{name},acc\n0,10,0.25\n1,,\n2,20,0.5\n")
    (tmp_path / "a.jsonl").write_text(
        f'{{"_step":0,"{name}":10,"acc":0.25}}\n{{"_step":1,"{name}":null,"x":1}}\n{{"_step":2,"{name}":20,"acc":0.5}}\n'
    )
    for file in ("a.csv", "a.jsonl"):
        assert read(tmp_path / file)[0].rows == {10: {"acc": 0.25}, 20: {"acc": 0.5}}


SUMMARY = "Name,State,arm,seed,_step,acc\n"


def test_finished_runs_of_a_table_all_count_at_their_own_last_step(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text(
        SUMMARY
        + "r1,finished,grpo,0,499,0.41\nr2,finished,grpo,1,500,0.43\nr3,finished,gspo,0,501,0.51\nr4,finished,gspo,1,500,0.53\n"
    )
    logs = imported(tmp_path, [str(path)])
    assert set(states(logs).values()) == {"done"}
    assert finals(logs) == {"grpo0": 0.41, "grpo1": 0.43, "gspo0": 0.51, "gspo1": 0.53}
    at_500 = imported(tmp_path, [str(path)], final_step=500)
    assert states(at_500) == {"grpo0": "ended early", "grpo1": "done", "gspo0": "done", "gspo1": "done"}


@pytest.mark.parametrize("state", ["running", "Pending", "preempting", "preempted", "queued?", ""])
@pytest.mark.parametrize("step", ["", ",500"])
def test_a_run_in_any_state_but_finished_is_never_done(state: str, step: str, tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    head = "Name,State,arm,seed,acc" + (",_step" if step else "")
    rows = [
        f"g{i},{s},gspo,{i},{v}{step}"
        for i, (s, v) in enumerate([("finished", 0.51), ("finished", 0.53), (state, 0.35)])
    ]
    path.write_text("\n".join([head, *rows]) + "\n")
    logs = imported(tmp_path, [str(path)])
    assert states(logs) == {"gspo0": "done", "gspo1": "done", "gspo2": "running"}
    assert finals(logs) == {"gspo0": 0.51, "gspo1": 0.53}
    assert repr(state or "nothing") in logs.runs[2]["reason"]


def test_crashed_runs_are_failed_and_unscored(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text(
        SUMMARY + "a,finished,g,0,5,0.5\nb,crashed,g,1,5,0.5\nc,failed,g,2,5,0.5\nd,killed,g,3,5,0.5\n"
    )
    assert states(imported(tmp_path, [str(path)])) == {
        "g0": "done",
        "g1": "failed",
        "g2": "failed",
        "g3": "failed",
    }
