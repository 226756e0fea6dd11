"""A study's tables from its offline W&B runs alone: the same as from its run folders, cell for cell."""

from __future__ import annotations

import json
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import wandb

from analysis.__main__ import main as analysis
from analysis.logs.compact import Logs, read_logs
from sspo.train import main as train
from sweeps.plan.manifest import write_manifest
from sweeps.plan.plan import make_plan
from sweeps.study.load import parse
from sweeps.workers.worker import train_command
from tests.console import Ended, run_here
from tests.tiny_models import two_ends
from tests.tiny_questions import question_file

OPTIONS = (
    "task=jsonl", "reward=math_verify", "reward.second=2", "trainer.rollouts=1", "trainer.minibatch=4", "trainer.lr=1e-3",
    "rollout.prompts=2", "rollout.responses=4", "rollout.max_tokens=72", "evaluation.questions=6", "evaluation.samples=2",
    "evaluation.temperatures=[0.6,1.0]", "evaluation.every=1", "evaluation.curve_questions=2", "tracking=wandb_offline",
)  # fmt: skip
"""With the defaults of models that are not embedded: a stream a sample, and texts."""


def spec(folder: Path) -> dict[str, Any]:
    """Two arms and the untrained base on two files of graded questions."""
    model = two_ends(folder / "model")
    names = ("train", "mini24", "mini500")
    train, *test = (question_file(folder / f"{name}.jsonl", seed) for seed, name in enumerate(names))
    overrides = [
        f"model.path={model}",
        f"task.train={train}",
        f"task.eval=[{','.join(map(str, test))}]",
        *OPTIONS,
    ]
    return {
        "title": "Two objectives",
        "baseline": "grpo",
        "test": "paired",
        "primary": {"mode": "sampled", "temperature": 0.6},
        "arms": {
            "base": {
                "role": "base",
                "label": "untrained base",
                "seeds": [0],
                "overrides": ["trainer.rollouts=0", "evaluation.samples=3"],
            },
            "grpo": {"label": "GRPO 0.2", "overrides": ["objective=grpo"]},
            "sspo": {"label": "SSPO 0.05", "overrides": ["objective=sspo"]},
        },
        "presets": {
            name: {"seeds": list(range(seeds)), "overrides": overrides}
            for name, seeds in (("smoke", 1), ("default", 2), ("paper", 8))
        },
    }


TABLES = ("results", "results_greedy", "base", "evaluation", "by_question", "dynamics", "grading", "gates")


@pytest.fixture(autouse=True, scope="module")
def no_account() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_PROJECT", "WANDB_RUN_ID", "WANDB_DIR"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Reports made from run folders, and the mirrors, moved away before the store was."""
    root = tmp_path_factory.mktemp("study")
    store, reports, mirrors = root / "runs", root / "reports", root / "mirrors"
    plan = make_plan(parse("mini", spec(root)), "default", store)
    write_manifest(plan)
    for trial in plan.trials():
        done = run_here(train, *train_command("mini")(trial)[3:])
        assert done.returncode == 0, done.stderr
    wandb.teardown()
    assert (
        said("report", "mini", "--preset", "default", "--store", str(store), "--out", str(reports)).returncode
        == 0
    )
    for number, folder in enumerate(store.rglob("offline-run-*")):
        shutil.move(folder, mirrors / str(number) / folder.name)
    shutil.rmtree(store)
    return reports, mirrors


def said(*words: str) -> Ended:
    return run_here(analysis, *words)


def imported(mirrors: Path, out: Path, *options: str, name: str = "mini") -> Path:
    done = said("import", name, "--from-wandb", str(mirrors), "--out", str(out), *options)
    assert done.returncode == 0, done.stderr
    done = said("report", name, "--preset", "imported", "--store", str(out / "none"), "--out", str(out))
    assert done.returncode == 0, done.stderr
    return out / f"{name}.imported"


def final_answers(logs: Logs) -> pd.DataFrame:
    """What scores are made of; categories as texts."""
    rows = logs.evaluation[logs.evaluation["final"]].reset_index(drop=True)
    texts = dict.fromkeys(rows.select_dtypes("category"), object)
    return rows.astype({**texts, "tokens": int})


@pytest.mark.acceptance
def test_every_table_of_the_paper_is_that_of_the_run_folders(
    places: tuple[Path, Path], tmp_path: Path
) -> None:
    reports, mirrors = places
    own, other = reports / "mini.default", imported(mirrors, tmp_path)
    for table in TABLES:
        assert (other / f"{table}.csv").read_text() == (own / f"{table}.csv").read_text(), table
    rows = pd.read_csv(other / "results.csv")
    assert list(rows["label"])[:3] == ["untrained base", "GRPO 0.2", "SSPO 0.05"]
    page = (other / "index.md").read_text()
    assert "B mirrors; preset default: a demonstration" in page
    mine, theirs = (read_logs(folder / "logs") for folder in (own, other))
    pd.testing.assert_frame_equal(final_answers(theirs), final_answers(mine))
    pd.testing.assert_frame_equal(theirs.metrics, mine.metrics)
    assert mine.timing is not None
    assert theirs.timing is not None
    pd.testing.assert_frame_equal(theirs.timing, mine.timing)
    hashes = [{run["rollout0_sha256"] for run in logs.runs} for logs in (mine, theirs)]
    assert hashes[0] == hashes[1]


@pytest.mark.acceptance
def test_what_is_missing_or_damaged_is_said(places: tuple[Path, Path], tmp_path: Path) -> None:
    mirrors = tmp_path / "mirrors"
    shutil.copytree(places[1], mirrors)
    *_, last = sorted(mirrors.iterdir(), key=lambda folder: next(folder.iterdir()).name)
    shutil.rmtree(last)  # the second seed of sspo ran last
    other = imported(mirrors, tmp_path / "reports")
    states = {
        (run["arm"], run["seed"]): run["status"]
        for run in json.loads((other / "logs" / "runs.json").read_text())
    }
    assert states[("sspo", 1)] == "missing"
    assert "it has no mirror" in (other / "index.md").read_text()
    table = next(mirrors.rglob("greedy*.table.json"))
    table.write_text(table.read_text().replace("0.0", "1.0", 1))
    done = said("import", "mini", "--from-wandb", str(mirrors), "--out", str(tmp_path / "again"))
    assert done.returncode == 2
    assert "differs from what was mirrored: copy the folder again" in done.stderr
    table.unlink()
    done = said("import", "mini", "--from-wandb", str(mirrors), "--out", str(tmp_path / "again"))
    assert "lacks the file of its table" in done.stderr


@pytest.mark.acceptance
def test_a_mirror_with_any_byte_changed_is_read_or_refused_in_a_sentence(
    places: tuple[Path, Path], tmp_path: Path
) -> None:
    mirrors = tmp_path / "mirrors"
    shutil.copytree(places[1], mirrors)
    files = [*sorted(mirrors.rglob("*.wandb")), *sorted(mirrors.rglob("answers/**/*.json"))]
    rng, ends = random.Random(5), Counter[int]()
    for _ in range(40):
        file = rng.choice(files)
        whole = file.read_bytes()
        at = rng.randrange(len(whole))
        file.write_bytes(whole[:at] + bytes([rng.randrange(256)]) + whole[at + 1 :] * (rng.random() < 0.8))
        done = said("import", "mini", "--from-wandb", str(mirrors), "--out", str(tmp_path / "out"))
        ends[done.returncode] += 1
        assert "Traceback" not in done.stderr
        assert done.returncode in (0, 2)
        file.write_bytes(whole)
    assert ends[0] > 0
    assert ends[2] > 0


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (["--plan", "mini"], "--plan goes with --from-wandb"),
        (["--from-wandb", ".", "--primary", "eval/average/greedy"], "leave out --primary"),
        (["--from-wandb", "nowhere"], "nowhere is not a folder"),
        (["--from-wandb", "conf"], "conf holds no W&B mirror of a run of this project"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(options: list[str], wanted: str, tmp_path: Path) -> None:
    done = said("import", "mini", *options, "--out", str(tmp_path))
    assert done.returncode == 2
    assert wanted in done.stderr
    assert done.stderr.count("\n") == 1
