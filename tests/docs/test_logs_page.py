"""Every example of docs/logs.md is executed: its files are written or made, and its commands are run one after another."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from analysis.__main__ import parsed
from tests.analysis.foreign_logs import write_wandb
from tests.docs.blocks import BLOCK, ROOT, blocks
from tests.docs.test_blocks import of_module

OUTCOMES = ROOT / "tests" / "analysis" / "fixtures" / "outcomes"
MARK = "critic/score/mean"
"""A name by which logs of any format are known to be verl's."""
METRICS = ("val-core/math500/acc/mean@4", "val-core/aime24/acc/mean@32")
RUNS = [words for where, words in of_module("analysis") if where.startswith("logs.md:")]


def run(words):
    arguments = parsed(words)
    assert arguments.run(arguments) == 0


def lines(step, *rows):
    """JSON lines of both metrics at steps 150 and 300, under a name of the step."""
    text = '{{"critic/score/mean": 0.5, "{}": {}, "{}": {}, "{}": {}}}\n'
    return "".join(
        text.format(step, 150 * i, METRICS[0], a, METRICS[1], b) for i, (a, b) in enumerate(rows, 1)
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """The files that the page's commands read: those that it shows, and logs under the names that it gives."""
    folder = tmp_path_factory.mktemp("logs_page")
    shown = {kind: [b.text for b in blocks(kind) if b.page == "logs.md"] for kind in ("yaml", "csv")}
    (folder / "theirs.yaml").write_text(shown["yaml"][0])
    (folder / "charts.yaml").write_text(shown["yaml"][1])
    (folder / "reward.csv").write_text(shown["csv"][0])
    (folder / "length.csv").write_text(shown["csv"][0].replace("train/reward", "completions/mean_length"))
    (folder / "chart.csv").write_text("Step,red-1 - eval/accuracy,blue-2 - eval/accuracy\n1,0.5,0.75\n")
    heads = ",".join(f"blue-2 - {metric}" for metric in (*METRICS, MARK))
    (folder / "panel.csv").write_text(f"train/global_step,{heads}\n150,0.5,0.25,0\n300,0.75,0.5,0\n")
    (folder / "table.csv").write_text(
        f"algorithm,seed,train/global_step,{','.join((*METRICS, MARK))}\ngrpo,0,300,0.5,0.25,0\ngspo,0,300,0.75,0.5,0\n"
    )
    (folder / "logs").mkdir()
    for name in ("grpo0", "grpo1", "gspo0", "gspo1"):
        (folder / "logs" / f"{name}.jsonl").write_text(lines("step", (0.25, 0.125), (0.5, 0.25)))
    (folder / "logs" / "verl.jsonl").write_text(lines("train/global_step", (0.5, 0.25), (0.625, 0.5)))
    rows = [{"train/global_step": 300, METRICS[0]: 0.5, METRICS[1]: 0.375, MARK: 0.5}]
    write_wandb(folder / "wandb" / "offline-run-20260101_000000-abc" / "run-abc.wandb", rows)
    (samples,) = OUTCOMES.glob("lm_eval/samples_sums_2*.jsonl")
    for name in ("model-a", "model-b"):
        (folder / "lm_eval_out" / name).mkdir(parents=True)
        shutil.copy(samples, folder / "lm_eval_out" / name / samples.name.replace("sums", "gsm8k"))
    shutil.copytree(OUTCOMES / "verl" / "v1", folder / "dumps" / "validation")
    return folder


def test_no_block_of_the_page_is_of_a_kind_that_is_not_executed():
    kinds = {found[1] for found in BLOCK.finditer((ROOT / "docs" / "logs.md").read_text())}
    assert kinds == {"sh", "yaml", "csv"}
    assert len(RUNS) == sum(
        block.text.count("-m analysis") for block in blocks("sh") if block.page == "logs.md"
    )


@pytest.mark.parametrize(
    "words", [r for r in RUNS if r[0] == "import"], ids=lambda words: " ".join(words)[:60]
)
def test_imports_are_run(words, place, monkeypatch):
    monkeypatch.chdir(place)
    run(words)
    assert (place / "reports" / f"{words[1]}.imported" / "logs" / "manifest.json").is_file()


@pytest.mark.acceptance
def test_all_commands_are_run_in_their_order(place, monkeypatch):
    monkeypatch.chdir(place)
    for words in RUNS:
        run(words)
    for name in ("theirs", "answers"):
        assert Path("reports", f"{name}.imported", "index.html").is_file()
