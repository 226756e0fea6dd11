"""CSV of other tools: charts over any axis, which run is whose, cells that are no numbers, columns called like ours."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from analysis.__main__ import parsed
from analysis.importers.read import read
from analysis.importers.spec import load_spec
from analysis.importers.study import import_study
from analysis.logs.compact import read_logs
from sspo.errors import UserError
from tests.analysis.foreign_logs import finals, imported, states

RUNS = ("grpo-s0", "grpo-s1", "gspo-s0", "gspo-s1")


def chart(axis: str) -> str:
    """A chart export of four runs at two steps; the run of number i ends at .2 + .1 i."""
    heads = [axis, *(f"{run} - eval/accuracy{bound}" for run in RUNS for bound in ("", "__MIN", "__MAX"))]
    rows = [
        [step, *(f"{level + 0.1 * i:.2f}" for i in range(4) for _ in range(3))]
        for step, level in ((50, 0.1), (100, 0.2))
    ]
    return "\n".join(",".join(f'"{cell}"' for cell in row) for row in [heads, *rows]) + "\n"


@pytest.mark.parametrize("axis", ["Step", "train/global_step", "trainer/global_step", "tokens seen"])
def test_a_chart_of_several_runs_over_any_axis(axis: str, tmp_path: Path) -> None:
    path = tmp_path / "chart.csv"
    path.write_text(chart(axis))
    assert [(run.label, run.rows[100]) for run in read(path)] == [
        (name, {"eval/accuracy": pytest.approx(0.2 + 0.1 * i)}) for i, name in enumerate(RUNS)
    ]
    sources = [f"{name[:4]}:{name[-1]}={path}#{name}" for name in RUNS]
    logs = imported(tmp_path, sources, "eval/accuracy")
    assert finals(logs) == pytest.approx({"grpo0": 0.2, "grpo1": 0.3, "gspo0": 0.4, "gspo1": 0.5})
    (tmp_path / "map.yaml").write_text(
        "primary: [eval/accuracy]\nruns:\n"
        + "".join(f"  - {{path: chart.csv, run: {n}, arm: {n[:4]}, seed: {n[-1]}}}\n" for n in RUNS)
    )
    folder = import_study("y", load_spec(tmp_path / "map.yaml", [], {}), tmp_path)
    mapped = pd.read_parquet(folder / "eval.parquet")
    pd.testing.assert_frame_equal(mapped, logs.evaluation)


def test_charts_say_what_they_lack(tmp_path: Path) -> None:
    path = tmp_path / "chart.csv"
    path.write_text(chart("Step"))

    def refused(*sources: str) -> str:
        with pytest.raises(UserError) as caught:
            imported(tmp_path, sources, "eval/accuracy")
        return str(caught.value)

    several = refused(f"grpo:0={path}")
    assert (
        f"holds 4 runs (grpo-s0, grpo-s1, gspo-s0, gspo-s1): select one, as grpo:0={path}#grpo-s0" in several
    )
    assert "did you mean 'grpo-s" in refused(f"grpo:0={path}#grpo-s9")
    assert "#grpo-s0" in refused(str(path))  # whose it is, and how to say so
    path.write_text(chart("Relative Time (Process)"))
    assert "the x axis of chart.csv is 'Relative Time (Process)'" in refused(f"grpo:0={path}#grpo-s0")
    path.write_text("Step,a - acc,a - acc\n1,0.5,0.25\n")
    assert "two columns called 'a - acc'" in refused(f"grpo:0={path}#a")


NAMED = """
files: [acc.csv, length.csv]
runs:
  grpo-s0: {arm: grpo, seed: 0}
  grpo-s1: {arm: grpo, seed: 1}
  gspo-s0: {arm: gspo, seed: 0}
  gspo-s1: {arm: gspo, seed: 1}
primary: [eval/accuracy]
"""


@pytest.fixture
def charts(tmp_path: Path) -> Path:
    """Two charts of the same four runs, a metric each, and a mapping of their names."""
    (tmp_path / "acc.csv").write_text(chart("train/global_step"))
    (tmp_path / "length.csv").write_text(chart("train/global_step").replace("eval/accuracy", "length"))
    (tmp_path / "map.yaml").write_text(NAMED)
    return tmp_path / "map.yaml"


def test_runs_of_several_charts_are_mapped_by_their_names(charts: Path, tmp_path: Path) -> None:
    logs = read_logs(import_study("y", load_spec(charts, [], {}), tmp_path))
    assert finals(logs) == pytest.approx({"grpo0": 0.2, "grpo1": 0.3, "gspo0": 0.4, "gspo1": 0.5})
    assert (
        logs.metrics["foreign/wandb/length"].tolist() == logs.metrics["foreign/wandb/eval/accuracy"].tolist()
    )
    assert not [name for name in logs.metrics.columns if "__M" in name]
    words = [
        "import",
        "z",
        "--primary",
        "eval/accuracy",
        "--out",
        str(tmp_path),
        "--from",
        f"{tmp_path}/acc.csv",
    ]
    words += [part for run in RUNS for part in ("--named", f"{run}={run[:4]}:{run[-1]}")]
    arguments = parsed(words)
    assert arguments.run(arguments) == 0
    assert finals(read_logs(tmp_path / "z.imported" / "logs")) == finals(logs)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "  gspo-s1: {arm: gspo, seed: 1}\n",
            "",
            "holds a run 'gspo-s1' that `runs` does not map: .*did you mean 'gspo-s0'",
        ),
        (
            "runs:\n",
            "runs:\n  gspo-s2: {arm: gspo, seed: 2}\n",
            "unknown run in acc.csv, length.csv 'gspo-s2': did you mean",
        ),
        ("length.csv", "again.csv", "acc.csv and again.csv both hold 'eval/accuracy' of"),
        ("files: [acc.csv, length.csv]\n", "", "there is no file that holds them: list it under `files`"),
        ("gspo, seed: 1", "gspo, seed: 0", "gspo seed 0 appears twice"),
    ],
)
def test_a_mapping_of_names_says_what_it_lacks(
    old: str, new: str, said: str, charts: Path, tmp_path: Path
) -> None:
    (tmp_path / "again.csv").write_text(chart("train/global_step"))
    assert old in NAMED
    charts.write_text(NAMED.replace(old, new))
    with pytest.raises(UserError, match=said):
        import_study("y", load_spec(charts, [], {}), tmp_path)


def test_charts_of_grouped_runs_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "chart.csv"
    for head in ("Group: {} - acc", "algorithm: {} - acc"):
        path.write_text(f"Step,{head.format('grpo')},{head.format('gspo')}\n1,0.5,0.25\n")
        with pytest.raises(UserError, match=r"means over runs grouped by .*: ungroup the runs in W&B"):
            read(path)
    path.write_text("Step,lr: 1 - acc,plain - acc\n1,0.5,0.25\n")
    assert [run.label for run in read(path)] == ["lr: 1", "plain"]


def test_two_runs_of_one_name_are_not_told_apart_by_it(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text("Name,State,acc\nred,finished,0.5\nred,finished,0.75\n")
    with pytest.raises(UserError, match="holds 2 runs called 'red'"):
        imported(tmp_path, [f"a:0={path}#red"])


def test_columns_of_any_name_can_name_arm_and_seed(tmp_path: Path) -> None:
    """A column `seed` that the import does not name is a metric: here it counts samples, and parts no run."""
    path = tmp_path / "log.csv"
    path.write_text("algo,repeat,seed,step,acc\ng,0,7,1,0.25\ng,0,8,2,0.5\ng,1,9,1,0.25\ng,1,10,2,0.75\n")
    logs = imported(tmp_path, [str(path)], arm_from="algo", seed_from="repeat")
    assert finals(logs) == {"g0": 0.5, "g1": 0.75}
    assert logs.metrics["foreign/csv/seed"].tolist() == [7, 8, 9, 10]


def test_a_cell_that_is_no_number_does_not_take_its_column_away(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("step,acc,loss\n1,0.25,1.5\n2,n.a.,1.25\n3,0.75,1\n")
    (run,) = read(path)
    assert [row.get("acc") for row in run.rows.values()] == [0.25, None, 0.75]
    assert "values that are not numbers are left out: acc ('n.a.' in line 3)" in run.note


def test_a_whole_number_beyond_every_float_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(f"step,acc\n1,2\n2,{'9' * 400}\n")
    (run,) = read(path)
    assert [row.get("acc") for row in run.rows.values()] == [2, None]
    assert "acc" in run.note


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (
            '"0,5"',
            "'acc' of {}/bad.csv is not a number: '0,5' in line 2, a comma in a number: write 0.5, 1234",
        ),
        ("half", "'acc' of {}/bad.csv is not a number: 'half' in line 2"),
    ],
)
def test_a_primary_metric_without_any_number_is_refused_by_name(cell: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text(f"step,acc,loss\n1,{cell},1.5\n2,{cell},1.25\n")
    (tmp_path / "good.csv").write_text("step,acc,loss\n1,0.5,1.5\n2,0.75,1.25\n")
    for names in (["bad"], ["bad", "good"], ["good", "bad"]):
        with pytest.raises(UserError) as caught:
            imported(tmp_path, [f"{name}:0={tmp_path}/{name}.csv" for name in names])
        assert said.format(tmp_path.name) in str(caught.value)
    lines = tmp_path / "bad.jsonl"
    lines.write_text('{"step": 1, "acc": "0.5", "loss": 1}\n')
    with pytest.raises(UserError, match=r"'acc' of .*bad.jsonl is not a number: '0.5'"):
        imported(tmp_path, [f"a:0={lines}"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("step;acc\n1;0,5\n", "separated by semicolons"),
        ("step,acc,acc\n1,0.5,0.25\n", "two columns called 'acc'"),
        ('step,acc\n"1,000",0.5\n', "a step that is not a number: '1,000' in line 2"),
        ("step,acc\n1,0.5,7\n", "neither as CSV nor as Parquet"),
    ],
)
def test_tables_that_would_be_misread_are_refused(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=said):
        read(path)


@pytest.mark.parametrize("name", ["update", "rollout", "global_step", "value", "key", "set"])
@pytest.mark.parametrize("cells", [("1", "40000"), ("0.5", "3e9"), ("-1", "1e300")])
def test_columns_called_like_ours_are_foreign(name: str, cells: tuple[str, str], tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(f"step,{name},acc\n1,{cells[0]},0.5\n40000,{cells[1]},0.6\n")
    logs = imported(tmp_path, [f"a:0={path}"])
    assert logs.metrics[f"foreign/csv/{name}"].tolist() == list(map(float, cells))
    assert logs.metrics["rollout"].tolist() == [0, 39999]
    assert states(logs) == {"a0": "done"}
