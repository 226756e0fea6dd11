"""The W&B mirror: one run a training run, with the lines of metrics.jsonl, however often its process was killed."""

from __future__ import annotations

import getpass
import json
import os
import platform
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import wandb

from sspo.base.recipe import weights_folder
from sspo.compose.fast import quick_compose
from sspo.runs.identity import cell_hash
from sspo.runs.mirror import Mirror
from sspo.runs.mirror_tables import MOST_ROWS, answer_tables
from sspo.runs.planned import plans_of
from sspo.runs.tracking import WandbTracker, mirrored, run_id
from tests.trainer.killed import SMALL, run
from tests.trainer.runs import folder, lines

MIRRORED = (*SMALL, "tracking=wandb_offline", "trainer.rollouts=2", "evaluation.texts=true")
TIMED = re.compile(r"_|seconds/|speed/|memory/|run/seconds|.*\.path$")
"""Keys of W&B's own, times, and where a table's file lies: its digest is compared."""


def records(mirror: Path) -> list[dict]:
    """All records of a .wandb file, as W&B's own reader gives them."""
    reader = Path(sys.executable).with_name("wandb")
    read = subprocess.run([reader, "leet", "inspect", "--json", mirror], capture_output=True, check=True)
    return [json.loads(line) for line in read.stdout.splitlines()]


@pytest.fixture(autouse=True)
def no_account(monkeypatch):
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)


def history(store: Path) -> list[dict]:
    """What the one mirror of a store's run holds by step, but for TIMED."""
    (mirror,) = run_files(store)
    items = [record["history"]["item"] for record in records(mirror) if record["type"] == "history"]
    return [{key: value for key, value in item.items() if not TIMED.match(key)} for item in items]


@pytest.mark.acceptance
def test_a_killed_run_leaves_one_offline_run_equal_to_that_of_an_undisturbed_one(tmp_path):
    store, whole = tmp_path / "store", tmp_path / "whole"
    # what rollout 2 logged is in W&B's memory or file, and no checkpoint covers it
    killed = run(store, MIRRORED, before=("os.rename", "checkpoints/rollout000002"))
    assert killed.status == -signal.SIGKILL
    assert run_files(store), "the mirror had begun"
    for place in (store, whole):
        ended = run(place, MIRRORED)
        assert ended.status == 0, ended.stderr
    found = history(store)
    assert found == history(whole)
    wanted = lines(folder(store) / "metrics.jsonl")
    assert [row["step"] for row in wanted] == [1, 2, 3, 4] == [item["step"] for item in found][1:]
    for item, row in zip(found[1:], wanted, strict=True):
        assert row.items() & item.items() == {pair for pair in row.items() if pair[1] is not None}
    # an evaluation before the first rollout and one after each, and the last one; five sets of the embedded task
    assert [sum(key.startswith(("curve/", "eval/")) for key in item) > 0 for item in found] == [1, 0, 1, 0, 1]
    assert found[-1]["run/state"] == "done"
    assert any(key.startswith("answers/") for key in found[-1])
    assert any(key.startswith("samples") for key in found[2])
    of_rollouts = [
        item for record in records(run_files(store)[0]) if (item := record.get("history", {}).get("item"))
    ]
    timed = {"seconds/update", "speed/sampled_tokens", "memory/resident_peak"}
    assert [timed <= item.keys() for item in of_rollouts] == [False, False, True, False, True]
    config = quick_compose(list(MIRRORED))
    (described,) = (record["run"] for record in records(run_files(store)[0]) if record["type"] == "run")
    assert described["run_id"] == run_id(config) == f"{cell_hash(config)}-seed0"
    assert not list(folder(store).glob(".wandb*"))


def run_files(store: Path) -> list[Path]:
    return sorted(folder(store).glob("wandb/offline-run-*/*.wandb"))


def test_online_the_run_is_resumed_by_its_id_and_gets_what_the_server_lacks(tmp_path, monkeypatch):
    asked, sent = {}, []
    server = SimpleNamespace(step=3, log=lambda row, step: sent.append((step, row)))
    monkeypatch.setattr("wandb.init", lambda **options: asked.update(options) or server)
    (tmp_path / "metrics.jsonl").write_text(
        "".join(f'{{"step": {k}, "rollout": 0, "a": null, "b": 1}}\n' for k in range(1, 6))
    )
    config = quick_compose(["tracking=wandb_online", "seed=3"])
    WandbTracker(config, tmp_path)
    assert (asked["mode"], asked["resume"], asked["id"]) == ("online", "allow", f"{cell_hash(config)}-seed3")
    assert sent == [(k, {"step": k, "rollout": 0, "b": 1}) for k in (3, 4, 5)]


def test_online_a_run_that_was_killed_in_its_last_evaluation_sends_it_after_the_step_that_the_server_has(
    tmp_path, monkeypatch
):
    sent = []
    server = SimpleNamespace(step=3, log=lambda row, step: sent.append((step, row)))
    monkeypatch.setattr("wandb.init", lambda **options: server)
    (tmp_path / "metrics.jsonl").write_text('{"step": 2, "rollout": 0, "a": 1}\n')
    (tmp_path / "timing.jsonl").write_text('{"rollout": 0, "seconds/update": 1.0}\n')
    (tmp_path / "eval.jsonl").write_text(json.dumps(answer("a", 0, 1.0, "ok", rollout=0)) + "\n")
    WandbTracker(quick_compose(["tracking=wandb_online"]), tmp_path)
    ((step, row),) = sent
    assert step == 3
    assert row["eval/aime24/sampled_0.6"] == 1.0
    assert row["answers/aime24/sampled_0.6"].data[0][0] == "aime24"
    assert not {"step", "a", "seconds/update"} & row.keys()


@pytest.mark.parametrize(("begins", "shown"), [("~", "~"), ("/", "/"), ("~nobody/x", "~nobody/x")])
def test_a_text_that_begins_like_a_path_is_mirrored_as_it_is(begins, shown):
    config = quick_compose([])
    config = replace(config, segmentation=replace(config.segmentation, pattern=f"{begins}n"))
    assert mirrored(config)["segmentation"]["pattern"] == f"{shown}n"
    far = replace(config, model=replace(config.model, path="~nobody/models/llama"))
    assert mirrored(far)["model"]["path"] == "llama"


def test_an_arm_with_a_long_name_is_mirrored(tmp_path):
    plain = quick_compose(["tracking=wandb_offline"])
    config = replace(plain, run=replace(plain.run, arm="objective_sspo_" * 6))
    WandbTracker(config, tmp_path).finish("done", {})
    assert list(tmp_path.glob("wandb/offline-run-*/*.wandb"))


def test_the_plan_of_a_multirun_names_no_folder_of_this_machine(tmp_path):
    question = f"python -m sspo.train -m 'model.path={tmp_path}/a b/one,/home/alice/two' objective=grpo,sspo"
    arm = {"name": "grpo", "label": "grpo, path=~alice/models/one", "cell": "", "seeds": [0]}
    plain = quick_compose([f"run.store={tmp_path}", "run.study=multirun_a"])
    manifest = {"study": "multirun_a", "title": "on/off: 1/2 https://a.b/c", "question": question}
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "multirun_a.json").write_text(
        json.dumps({**manifest, "arms": [{**arm, "cell": cell_hash(plain)}]})
    )
    (plan,) = plans_of(plain)
    assert plan["question"] == "python -m sspo.train -m 'model.path=one,two' objective=grpo,sspo"
    assert plan["arms"][0]["label"] == "grpo, path=one"
    assert plan["title"] == manifest["title"]


def test_a_mirror_names_neither_the_machine_nor_its_user_nor_their_folders(tmp_path, monkeypatch):
    home = tmp_path / "alice-smith"
    monkeypatch.setattr("socket.gethostname", lambda: "alices-laptop")
    for name, value in (("HOME", str(home)), ("USER", home.name), ("LOGNAME", home.name)):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", [str(home / "train.py"), f"run.store={home}"])
    folder = home / "runs" / "cells" / "a" / "seed0"
    folder.mkdir(parents=True)
    (home / "models").mkdir()
    (home / "models" / "llama-3").symlink_to(weights_folder("embedded"))
    plain = quick_compose(["tracking=wandb_offline", f"run.store={home / 'runs'}"])
    config = replace(plain, model=replace(plain.model, path=str(home / "models" / "llama-3")))
    (folder / "metrics.jsonl").write_text('{"step": 1, "rollout": 0, "policy/loss": 0.25}\n')
    (folder / "eval.jsonl").write_text(json.dumps(answer("a", 0, 1.0, "ok")) + "\n")
    (folder / "env.json").write_text(json.dumps({"epoch": 1, "paths": {"forward": str(home)}}))
    WandbTracker(config, folder).finish("done", {})
    wandb.teardown()  # W&B's service writes the last of the file as it ends
    (mirror,) = (folder / "wandb").glob("offline-run-*")
    sent = [
        *mirror.glob("*.wandb"),
        *(path for path in mirror.rglob("files/**/*") if path.is_file()),
    ]  # what `wandb sync` takes; logs/ stays
    content = b"".join(path.read_bytes() for path in sent)
    assert b"llama-3" in content, "the mirror holds the configuration"
    whose = [
        "alice",
        str(home),
        str(tmp_path),
        sys.executable,
        str(Path.cwd()),
        platform.node(),
        getpass.getuser(),
    ]
    # two letters are found by chance among checksums
    assert not [text for text in whose if len(text) > 3 and text.encode() in content]


def answer(question: str, sample: int, value: float, status: str, **more: object) -> dict:
    drawn = {"mode": "sampled", "temperature": 0.6, "rollout": 1, "final": True, "set": "aime24"}
    return {
        **drawn,
        "question": question,
        "sample": sample,
        "value": value,
        "status": status,
        "tokens": 10,
        **more,
    }


def test_evaluations_become_means_a_set_and_decoding_and_the_last_one_a_table(tmp_path):
    rows = [
        answer("a", 0, 1.0, "ok", answer="3", response="so 3"),
        answer("a", 1, 0.0, "wrong", answer="4", response="so 4"),
        answer("b", 0, 0.0, "timeout", answer=None, response="?"),
        answer("b", 1, 0.0, "truncated", answer=None, response="..."),
        answer("c", 0, 1.0, "ok", set="amc23", answer="9" * 300, response="long"),
    ]
    (tmp_path / "metrics.jsonl").write_text('{"step": 8, "rollout": 1}\n')
    (tmp_path / "eval.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (entry,) = Mirror(tmp_path).fresh()
    assert entry.step == 8
    found = entry.values
    assert found["eval/aime24/sampled_0.6"] == 0.25  # ((1 + 0) / 2 + 0) / 2
    assert found["eval/average/sampled_0.6"] == 0.625  # (.25 + 1) / 2
    shares = {
        name: found[f"eval/aime24/sampled_0.6/{name}"] for name in ("ok", "wrong", "timeout", "truncated")
    }
    assert set(shares.values()) == {0.25}
    table = entry.tables["answers/aime24/sampled_0.6"]
    first = dict(zip(table.columns, table.rows[0], strict=True))
    assert first.items() >= {
        ("question", "a"),
        ("value", 1.0),
        ("answer", "3"),
        ("truncated", False),
        ("place", 0),
    }
    assert "response" not in first
    (long,) = entry.tables["answers/amc23/sampled_0.6"].rows
    assert "9" * 300 not in long
    assert max(map(len, (cell for cell in long if isinstance(cell, str)))) <= 200


def test_a_mirror_that_looks_line_by_line_is_one_that_looks_once(tmp_path):
    written = [
        ("eval.jsonl", answer("a", 0, 1.0, "ok", rollout=-1, final=False)),
        ("metrics.jsonl", {"step": 1, "rollout": 0, "policy/loss": 0.5}),
        ("metrics.jsonl", {"step": 2, "rollout": 0, "policy/loss": 0.25}),
        ("eval.jsonl", answer("a", 0, 1.0, "ok", rollout=0, final=False)),
        ("timing.jsonl", {"rollout": 0, "seconds/update": 2.5}),
        ("metrics.jsonl", {"step": 3, "rollout": 1, "policy/loss": 0.125}),
        ("eval.jsonl", answer("a", 0, 0.0, "wrong", rollout=1)),
    ]
    mirror, by_line = Mirror(tmp_path), {}
    for name, row in written:
        with (tmp_path / name).open("a") as stream:
            stream.write(json.dumps(row) + "\n")
        if name == "metrics.jsonl":
            for entry in mirror.fresh():
                by_line[entry.step] = by_line.get(entry.step, {}) | entry.values
    for entry in mirror.fresh():
        by_line[entry.step] = by_line.get(entry.step, {}) | entry.values
    assert by_line == {entry.step: entry.values for entry in Mirror(tmp_path).fresh()}
    assert list(by_line) == [0, 1, 2, 3]
    assert by_line[2].items() >= {("curve/aime24", 1.0), ("seconds/update", 2.5), ("policy/loss", 0.25)}
    assert by_line[3]["eval/aime24/sampled_0.6"] == 0.0


def test_a_table_of_more_answers_than_w_and_b_keeps_in_a_file_is_several():
    tables = answer_tables([answer(f"q{i}", 0, 1.0, "ok") for i in range(MOST_ROWS + 1)])
    assert {key: len(table.rows) for key, table in tables.items()} == {
        "answers/aime24/sampled_0.6/part1": MOST_ROWS,
        "answers/aime24/sampled_0.6/part2": 1,
    }
