"""Hostile logs and mapping files: one sentence each, before they cost time or memory."""

from __future__ import annotations

import json
import os
import random
import shutil
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.importers import limits
from analysis.importers.spec import load_spec
from analysis.importers.study import import_logs, import_study
from sspo.errors import UserError
from sspo.metrics import Metric
from sspo.runs.runlog import RunLog
from tests.analysis.foreign_logs import fragment, imported, states, write_events, write_wandb

SENTENCE = 700
"""Characters: a message that quotes foreign text is bounded."""


def refused(folder: Path, *sources: str, **options: object) -> str:
    """The sentence that an import is refused with. Any other error is the test's failure."""
    with pytest.raises(UserError) as caught:
        import_logs("x", sources, folder, **{"primary": ("acc",), **options})
    said = str(caught.value)
    assert len(said) < SENTENCE
    assert "\n" not in said
    said.encode()
    return said


def test_fragments_without_end_take_time_in_proportion(tmp_path: Path) -> None:
    """1.4 MB of empty middle fragments: kept in a growing copy each they took a minute a third of the way."""
    middle, block = fragment(3, b""), 32768
    content = bytearray(b":W&B\xe1\xbe\x00")
    while len(content) < 1_400_000:
        left = block - len(content) % block
        content += middle * (left // 7) + b"\0" * (left % 7)
    (tmp_path / "m.wandb").write_bytes(content)
    begun = time.process_time()
    assert "holds no logged number" in refused(tmp_path, f"a:0={tmp_path}/m.wandb")
    assert time.process_time() - begun < 5


def run_folder(folder: Path, seed: int, acc: float = 0.5) -> Path:
    """A finished run of ours of one rollout."""
    log = RunLog(folder)
    log.describe({"seed": seed, "objective": {"name": "grpo"}}, {}, resumed=False)
    log.step(1, 0, 0, {"reward/mean": Metric("mean", (acc, 1))})
    log.done({"rollouts": 1, "steps": 1, "seconds": 1.0})
    return folder


def test_a_run_is_given_once_and_under_its_own_seed(tmp_path: Path) -> None:
    a0, a1 = run_folder(tmp_path / "a0", 0), run_folder(tmp_path / "a1", 1)
    shutil.copytree(a0, tmp_path / "copy")
    (tmp_path / "link").symlink_to(a1)
    (tmp_path / "log.csv").write_text("step,acc\n1,0.5\n")
    one = {"primary": ("reward/mean",)}
    # runs of different options or seeds may well log equal numbers
    assert import_logs("x", [f"g:0={a0}", f"g:1={a1}"], tmp_path, **one)
    said = refused(tmp_path, f"g:0={a0}", f"g:2={a1}", **one)
    assert said == (
        "a1/metrics.jsonl is given as seed 2, but its config.yaml says seed 1: pass it as g:1=PATH"
    )
    for first, second in ((a0, a0), (a0, tmp_path / "copy"), (a1, tmp_path / "link")):
        seed = int(first.name[1])
        said = refused(tmp_path, f"g:{seed}={first}", f"z:{seed}={second}", **one)
        assert f"z seed {seed}, in {second.name}/metrics.jsonl, is the same run as g seed {seed}" in said
    log = tmp_path / "log.csv"
    assert "is the same run as" in refused(tmp_path, f"g:0={log}", f"g:1={tmp_path}/a0/../log.csv")


@pytest.mark.parametrize("value", [1e300, 1e12, 99999, -1, 0.5])
@pytest.mark.parametrize("name", ["rollout", "update"])
def test_counters_of_our_own_rows_that_no_run_has_are_refused(
    name: str, value: float, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    rows = [
        {"step": 1, "rollout": 0, "update": 0, "acc": 0.5},
        {"step": 2, "rollout": 0, "update": 1, "acc": 0.5},
    ]
    rows[1][name] = value
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    if value == 99999:  # unusual, and a whole number
        assert imported(tmp_path, [f"a:0={folder}"]).metrics[name].tolist()[1] == value
    else:
        assert f"a log of ours has a {name} " in refused(tmp_path, f"a:0={folder}")


def test_lone_surrogates_and_odd_bytes_in_names_are_shown(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.jsonl")
    (tmp_path / name).write_text('{"step": 1, "acc": 0.5, "\\ud800": 2, "b\\u0000": 1, "\\ud83d": "x"}\n')
    logs = imported(tmp_path, [f"a:0={tmp_path}/{name}"])
    assert logs.metrics["foreign/jsonl/\\ud800"].tolist() == [2]
    assert "caf\\udce9.jsonl" in logs.runs[0]["reason"]
    assert "not text that a file" in refused(tmp_path, f"a:0={tmp_path}/{name}", title="\udce9")


def test_more_runs_or_cells_than_a_study_holds_are_refused_unread(tmp_path: Path) -> None:
    rows = "".join(f"r{i},{i},1,0.5\n" for i in range(33_000))
    (tmp_path / "runs.csv").write_text("run,seed,step,acc\n" + rows)
    assert "runs.csv holds 33,000 runs, and an import takes at most 5,000" in refused(
        tmp_path, f"{tmp_path}/runs.csv"
    )
    zeros = pa.array(np.zeros(26_000_000, np.int8))
    pq.write_table(pa.table({"step": zeros, "acc": zeros}), tmp_path / "p", compression="zstd")
    assert (tmp_path / "p").stat().st_size < 500_000
    begun = time.process_time()
    assert "26,000,000 rows and 2 columns" in refused(tmp_path, f"a:0={tmp_path}/p")
    (tmp_path / "wide.csv").write_text("step," + "a," * 20_000 + "\n" + "\n" * 3_000)
    assert "3,000 rows and 20,002 columns" in refused(tmp_path, f"a:0={tmp_path}/wide.csv")
    assert time.process_time() - begun < 1


def test_files_and_runs_beyond_a_limit_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "big.jsonl"
    path.write_bytes(b"{")
    os.truncate(path, limits.MOST_BYTES + 1)
    assert "536,870,913 bytes, and an import reads at most 536,870,912" in refused(tmp_path, f"a:0={path}")
    for device in ("/dev/urandom", "/dev/zero"):
        assert "is no regular file" in refused(tmp_path, f"a:0={device}")
    monkeypatch.setattr(limits, "MOST_NUMBERS", 3)
    write_wandb(tmp_path / "w.wandb", [{"acc": 1}, {"acc": 2}])
    assert "more than 3 numbers of one run" in refused(tmp_path, f"a:0={tmp_path}/w.wandb")


def test_seeds_arms_and_paths_that_nobody_has(tmp_path: Path) -> None:
    assert "the seed of 'a' has 5,000 digits: at most 18 are read" in refused(tmp_path, f"a:{'1' * 5000}=x")
    assert "cannot be read" in refused(tmp_path, "a:0=" + "x" * 5000)
    assert "not text that a file" in refused(tmp_path, "a:0=x\0y")
    path = tmp_path / "l.csv"
    path.write_text("arm,seed,step,acc\n" + "b" * 5000 + "!,0,1,0.5\n")
    assert "must consist of letters" in refused(tmp_path, str(path))
    path.write_text("arm,seed,step,acc\nb,1e300,1,0.5\n")
    assert "has more than 18 digits" in refused(tmp_path, str(path))
    path.write_text('{"step": "' + "9" * 5000 + '", "acc": 1}\n')
    assert "has no step" in refused(tmp_path, f"a:0={path}")
    write_events(tmp_path / "tb", [b"\x10" + b"\xff" * 9 + b"\x01" + b"*\x00"])  # step -1, an empty summary
    assert "has a step -1" in refused(tmp_path, f"a:0={tmp_path}/tb")


ANCHORS = "a: &a [1,1]\n" + "".join(
    f"{b}: &{b} [*{a},*{a},*{a},*{a},*{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"# one\n# caf\xe9\nprimary: [acc]\n", "line 2 is not UTF-8"),
        (b"title: " + b"[" * 100_000, "nests deeper than 50 levels at line 1"),
        (b"".join(b" " * i + b"a:\n" for i in range(900)), "nests deeper than 50 levels at line 51"),
        (b"runs: 5\n", "runs must be a list, got 5"),
        (b"runs: [5]\n", "runs is a group of options, got 5"),
        (b"runs: [{path: 'a\\0b'}]\n", "cannot be read"),
        (b'runs: [{path: "a\\0b", arm: a, seed: 0}]\nprimary: [acc]\n', "not text that a file"),
        (ANCHORS.encode(), "has an alias (*name)"),
        (b"final_step: " + b"1" * 5000, "a number has 5000 characters at line 1"),
        (b"title: 2026-13-45\n", "nothing to import"),
        (
            b"runs: [{path: x, arm: a, seed: 0x" + b"f" * 100_000 + b"}]\nprimary: [acc]\n",
            "a number has 100002 characters at line 1",
        ),
        (b"a: b: c\n", "is not valid YAML at line 1"),
        (b"- 1\n", "must hold a mapping"),
        (b"x" * (limits.MOST_SETTINGS_BYTES + 1), "bytes, and an import reads at most"),
    ],
)
def test_mapping_files_that_are_none(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "map.yaml"
    path.write_bytes(content)
    begun = time.process_time()
    with pytest.raises(UserError) as caught:
        import_study("x", load_spec(path, [], {"primary": ("acc",)}), tmp_path)
    assert said in str(caught.value)
    assert len(str(caught.value)) < SENTENCE
    assert time.process_time() - begun < 2


@pytest.mark.parametrize(
    "content", [b"[" * 100_000, b"\xff\xfe", b"- 1", b"a: [", b"!!python/object:os.x {}", b"1: 2"]
)
def test_a_run_folder_with_a_damaged_config_is_one_sentence(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"step": 1, "rollout": 0, "update": 0, "acc": 0.5}\n')
    (tmp_path / "config.yaml").write_bytes(content)
    assert "config.yaml" in refused(tmp_path, f"a:0={tmp_path}")


def test_a_missing_mapping_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere.yaml cannot be read \(No such file or directory\)"):
        load_spec(tmp_path / "nowhere.yaml", [], {})


def test_random_changes_of_real_logs_are_read_or_refused(tmp_path: Path) -> None:
    """Seeded: flips, cuts and repeats of a log of every kind, all the way to a study."""
    write_wandb(tmp_path / "run-1.wandb", [{"acc": i / 10, "train/global_step": i} for i in range(5)])
    logs = {
        "w.wandb": (tmp_path / "run-1.wandb").read_bytes(),
        "l.jsonl": b'{"step": 1, "acc": 0.5}\n{"step": 2, "acc": 0.75, "x": {"y": [1]}}\n',
        "t.csv": b"step,acc,update\n1,0.5,3\n2,0.75,4\n",
        "c.csv": b'"Step","r - acc","r - acc__MIN"\n1,0.5,0.5\n',
        "s.csv": b"Name,State,acc,_step\nr,finished,0.5,3\n",
    }
    rng = random.Random(0)
    outcomes = set()
    for name, content in logs.items():
        for _ in range(12):
            changed = bytearray(content)
            for _ in range(rng.randint(1, 4)):
                at = rng.randrange(len(changed))
                kind = rng.choice(("flip", "cut", "repeat", "byte"))
                if kind == "flip":
                    changed[at] ^= 1 << rng.randrange(8)
                elif kind == "byte":
                    changed[at] = rng.choice(b'\x00\xff,;"{}[]-e9\n')
                elif kind == "cut" and len(changed) > 9:
                    del changed[at : at + rng.randint(1, 8)]
                else:
                    changed[at:at] = changed[at : at + 20]
            (tmp_path / name).write_bytes(changed)
            try:
                outcomes |= set(states(imported(tmp_path, [f"a:0={tmp_path}/{name}"])).values())
            except UserError as error:
                outcomes.add("torn sentence" if "\n" in str(error) else "refused")
    assert {"done", "refused"} <= outcomes <= {"done", "refused", "running", "failed", "ended early"}


def test_lines_that_begin_as_a_parquet_file_are_refused_on_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"PAR1" + b"\0" * 64 + b"PAR1")
    refused(tmp_path, f"a:0={tmp_path}/a.jsonl")
