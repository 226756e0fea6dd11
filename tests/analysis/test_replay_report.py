"""Where a replay is read from and shown: in the study's report, or beside itself."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from synthetic_replay import law, replay_head, replay_rows, write_toy_replay
from synthetic_store import ARMS, Scale, make_manifest, write_study

from analysis.__main__ import main
from analysis.figures.files import KINDS
from analysis.logs.replay_counts import compact_replay
from analysis.logs.replay_source import needed_replay, replay_folder
from analysis.provenance import freshness
from analysis.replay_report import show_replay
from analysis.report import write_report
from sspo.errors import UserError
from tests.console import Ended, run_here

GRPO = [arm for arm in ARMS if arm.name == "grpo"]
TINY = Scale(seeds=2, rollouts=2, questions=2, curve_questions=1)
HOSTILE = "<script>alert(1)</script> \\input{x} | $\\frac$ 50% a_b\nend"
pytestmark = pytest.mark.usefixtures("outlined", "undrawn")
FIGURES = ("replay_clip_fraction", "replay_trade_off", "replay_clip_by_update")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A store with a finished study, `runs`, and where its reports go, `reports`; no replay."""
    write_study(tmp_path / "runs", GRPO, TINY)
    return tmp_path


def cells() -> list[str]:
    cell = make_manifest(GRPO, TINY, "paper")["arms"][0]["cell"]
    return [cell, cell]


def add_replay(place: Path, **changes: Any) -> Path:
    return write_toy_replay(
        replay_folder(place / "runs", "toy", "paper"), head={**replay_head(cells()), **changes}
    )


def write(place: Path, store: str = "runs") -> Path:
    return write_report("toy", "paper", place / store, place / "reports")[0]


def contents(folder: Path) -> dict[str, bytes]:
    files = [p for p in sorted(folder.rglob("*")) if p.is_file() and p.name != freshness.STAMP]
    return {str(p.relative_to(folder)): p.read_bytes() for p in files}


def cli(*arguments: str) -> Ended:
    return run_here(main, "replay", *arguments)


def at(place: Path) -> list[str]:
    return ["--store", str(place / "runs"), "--out", str(place / "reports")]


def test_without_a_replay_a_report_has_no_trace_of_one_and_loses_it_with_the_replay(place: Path) -> None:
    folder = write(place)
    before = contents(folder)
    assert not [name for name in before if "replay" in name]
    own_script = re.compile(rb"<script.*?</script>", re.DOTALL)
    assert b"eplay" not in before["index.md"] + own_script.sub(b"", before["index.html"])
    add_replay(place)
    assert len(contents(write(place))) == len(before) + 2 + 3 + len(KINDS) * len(FIGURES)
    shutil.rmtree(place / "runs" / "replays")
    for name in ("replay.parquet", "replay.json"):
        (folder / "logs" / name).unlink()
    assert contents(write(place)) == before


def test_the_store_and_the_compact_logs_give_the_same_report(place: Path) -> None:
    add_replay(place, law=law())
    folder = write(place)
    first = contents(folder)
    page = first["index.md"].decode()
    assert "### Equal clipping" in page
    assert "### The law of entropy" in page
    assert law()["verdict"] in page
    assert "Replayed: 4 recorded rollouts of grpo seeds 0, 1." in page
    assert "not part of this study" not in page
    there = ("replay", "law", "replay_law", *FIGURES)
    assert all(f'id="{name}"'.encode() in first["index.html"] for name in there)
    for path in folder.glob("*.*"):
        path.unlink()
    assert contents(write(place, "nowhere")) == first


def test_a_replay_of_the_store_joins_runs_of_the_logs_and_outranks_their_replay(place: Path) -> None:
    add_replay(place)
    folder = write(place)
    shutil.move(place / "runs" / "studies", place / "elsewhere")
    add_replay(place, clip="1e-3:1:log9", runs=replay_head([cells()[0], "f" * 12])["runs"])
    page = (write(place) / "index.md").read_text()
    assert "clip 1e-3:1:log9" in page
    assert b"log9" in (folder / "logs" / "replay.json").read_bytes()
    sentence = "not part of this study as it is planned now: grpo seed 1."
    assert sentence in page


def touch(path: Path) -> None:
    times = path.stat()
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns + 1))


def test_a_replay_that_appears_or_changes_makes_the_report_stale(place: Path) -> None:
    manifest = json.loads((place / "runs" / "studies" / "toy.paper.json").read_text())

    def state() -> str:
        return freshness.fingerprint(manifest, place / "runs", place / "reports")

    states = [state()]
    logs = place / "reports" / "toy" / "logs"
    compact_replay(write_toy_replay(place / "other"), logs)
    states.append(state())
    touch(logs / "replay.parquet")
    states.append(state())
    source = add_replay(place)
    states.append(state())
    touch(source / "replay.json")
    states.append(state())
    assert len(set(states)) == 5
    touch(logs / "replay.json")  # written with the report from the store's, which is what is read
    assert state() == states[-1]


def test_hostile_names_are_inert(place: Path) -> None:
    runs = [{**run, "arm": HOSTILE, "git_revision": HOSTILE} for run in replay_head(cells())["runs"]]
    name = " ".join(HOSTILE.split())
    rows = replay_rows().replace({"rule": {"response": name}})
    head = {**replay_head(cells()), "runs": runs, "clip": HOSTILE, "rules": ["token", name]}
    head["matched"] = [{**m, "rule": name if m["rule"] == "response" else "token"} for m in head["matched"]]
    write_toy_replay(replay_folder(place / "runs", "toy", "paper"), rows, head)
    folder = write(place)
    for page in ("index.html", "index.md", "replay.md"):
        own = 2 if page == "index.html" else 0  # its data, and the one that its policy lets run
        assert (folder / page).read_text().count("<script") == own
    assert "&lt;script&gt;alert(1)" in (folder / "index.html").read_text()
    assert "\\input" not in (folder / "replay.tex").read_text()
    show_replay(replay_folder(place / "runs", "toy", "paper"))
    assert "<script" not in (replay_folder(place / "runs", "toy", "paper") / "index.md").read_text()


def test_a_folder_gets_its_own_page(tmp_path: Path) -> None:
    folder = write_toy_replay(tmp_path / "mine")
    result = cli(str(folder))
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines()[:2] == [
        f"wrote {folder / 'index.md'}",
        f"wrote {folder / 'replay.md'}, .tex and .csv",
    ]
    page = (folder / "index.md").read_text()
    assert str(tmp_path) not in page
    for name in FIGURES:
        assert f"![{name}]({name}.png)" in page
        assert (folder / f"{name}.png").is_file()
    assert "training under a different bound drifts differently" in page


def test_a_study_with_runs_gets_its_whole_report_and_one_without_gets_it_later(place: Path) -> None:
    source = add_replay(place)
    whole = cli("toy", "--preset", "paper", *at(place))
    assert whole.stdout == (
        f"wrote {place / 'reports' / 'toy' / 'index.html'} (preset paper, with the replay in {source})\n"
    )
    assert (place / "reports" / "toy" / "results.md").is_file()
    shutil.rmtree(place / "reports")
    shutil.rmtree(place / "runs" / "cells")
    early = cli("toy", "--preset", "paper", *at(place))
    assert (early.returncode, early.stderr) == (0, "")
    assert f"wrote {source / 'index.md'}" in early.stdout
    assert early.stdout.endswith("its report will include them after `make sweep NAME=toy PRESET=paper`\n")
    assert not (place / "reports").exists()


def test_a_replay_that_is_not_there_is_told_what_to_do(place: Path) -> None:
    add_replay(place)
    for name, preset, message in (
        ("toy", "default", "has no replay in .*pass --preset paper, which has one"),
        ("toyy", "paper", "did you mean 'toy'?"),
        ("unlike", "paper", "run `make replay NAME=unlike` first"),
    ):
        with pytest.raises(UserError, match=message):
            needed_replay(name, preset, place / "runs", place / "reports")
    for arguments, message in (
        (["toy", "--preset", "papr"], "unknown preset 'papr': did you mean 'paper'?"),
        ([str(place / "runs")], "has no replay.json: pass the folder of a finished `python -m sspo.replay`"),
    ):
        result = cli(*arguments)
        assert result.returncode == 2
        assert message in result.stderr
        assert (result.stderr.startswith("error: "), result.stderr.count("\n")) == (True, 1)


def test_a_replay_with_nothing_to_compare_says_what_to_record(tmp_path: Path) -> None:
    rows = replay_rows()
    first = write_toy_replay(tmp_path / "first", rows[rows["update"] == 0])
    with pytest.raises(UserError, match="at least 2 optimizer steps per rollout"):
        show_replay(first)
    lone = rows[(rows["target"].isna()) & (rows["low"] == rows["low"].max())]
    point = write_toy_replay(
        tmp_path / "point", lone, {**replay_head(), "rules": ["token"], "targets": [], "matched": []}
    )
    with pytest.raises(UserError, match="neither a grid of bounds nor matched bounds"):
        show_replay(point)
