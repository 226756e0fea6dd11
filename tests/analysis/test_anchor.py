"""Digests that are kept outside a report, and what verify names beside scores: statuses, tokens, files that nobody sees."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from synthetic_store import ARMS, Scale, write_study

from analysis.__main__ import main
from analysis.provenance import record
from analysis.report import render, write_report
from analysis.verify.verify import verify
from tests.console import Ended, run_here

pytestmark = pytest.mark.usefixtures("undrawn")
FEW = [arm for arm in ARMS if arm.name in ("base", "grpo", "gspo")]


@pytest.fixture(scope="module")
def made(undrawn: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("made")
    write_study(place / "store", FEW, Scale(seeds=2, rollouts=4, questions=4, samples=2))
    write_report("toy", "paper", place / "store", place / "reports")
    return place / "reports" / "toy"


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of the report, to be changed."""
    shutil.copytree(made, tmp_path / "toy")
    return tmp_path / "toy"


def digests(folder: Path) -> tuple[str, str]:
    """Of the report and of its logs, as sha256sum makes them."""
    of = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    logs = sorted(name for name in of if name.startswith("logs/"))
    lines = "".join(f"{hashlib.sha256(of[name]).hexdigest()}  {name}\n" for name in logs)
    return hashlib.sha256(of["provenance.json"]).hexdigest(), hashlib.sha256(lines.encode()).hexdigest()


def checked(folder: Path, *words: str) -> Ended:
    store = str(folder.parent / "none")
    return run_here(main, "verify", "toy", "--store", store, "--out", str(folder.parent), *words)


def change(folder: Path, column: str, value: object, *, final: bool, run: int = 1) -> None:
    """One answer of a run otherwise."""
    path = folder / "logs" / "eval.parquet"
    table = pq.read_table(path)
    rows = table.to_pandas()
    rows["status"] = rows["status"].cat.add_categories("truncated")
    at = rows.index[(rows["final"] == final) & (rows["run"] == run) & (rows[column] != value)][0]
    rows.loc[at, column] = value
    pq.write_table(pa.Table.from_pandas(rows, schema=table.schema, preserve_index=False), path)


@pytest.mark.usefixtures("unremade")
def test_a_report_of_other_logs_verifies_and_not_against_the_digest_of_before(folder: Path) -> None:
    report, logs = digests(folder)
    said = run_here(main, "anchor", "toy", "--out", str(folder.parent)).stdout.splitlines()
    assert said[0] == f"toy (preset paper): report sha256:{report} logs sha256:{logs}"
    assert said[3] == f"  to check: make verify NAME=toy ANCHOR={report}"
    assert "; the report matches the anchor" in checked(folder, "--anchor", report).stdout
    assert "; the logs match the anchor" in checked(folder, "--anchor", f"sha256:{logs.upper()}").stdout
    change(folder, "value", 0.0, final=True)
    render(folder, replayed=False)
    now = digests(folder)
    for anchor in (report, logs):
        ended = checked(folder, "--anchor", anchor)
        assert (ended.returncode, ended.stderr) == (1, "")
        assert ended.stdout == (
            f"the anchor {anchor[:12]} matches neither the digest of this report ({now[0][:12]}) nor that of its logs ({now[1][:12]}): "
            "the anchored report had different logs, or was made from them by different code\n"
        )
    assert checked(folder, "--anchor", now[0]).returncode == 0


def test_the_digest_of_logs_outlives_the_code_that_makes_reports(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report, logs = digests(folder)
    monkeypatch.setattr(record, "analysis_sha256", lambda: "0" * 64)
    render(folder, replayed=False)
    assert checked(folder, "--anchor", logs).returncode == 0
    monkeypatch.setattr("analysis.verify.verify.differences", lambda *of: {})
    assert checked(folder, "--anchor", report).returncode == 1


def test_what_is_no_anchor_is_one_sentence(folder: Path) -> None:
    ended = checked(folder, "--anchor", "ab12")
    assert ended.returncode not in (0, 1)
    assert ended.stderr == (
        "error: an anchor is a SHA-256 of 64 hexadecimal digits, as `make anchor` prints it, got 'ab12'\n"
    )
    (folder / "results.md").write_text("other")
    ended = run_here(main, "anchor", "toy", "--out", str(folder.parent))
    assert ended.returncode != 0
    assert f"{folder / 'results.md'} has changed since the report was written" in ended.stderr


@pytest.mark.usefixtures("unremade")
@pytest.mark.parametrize(("column", "value"), [("status", "truncated"), ("tokens", 3)])
def test_a_changed_status_or_length_names_the_run_and_its_cells(
    folder: Path, column: str, value: object
) -> None:
    change(folder, column, value, final=True)
    said = verify("toy", None, folder.parent / "none", folder.parent).lines
    assert said[:2] == ["logs/eval.parquet has changed", "  grpo seed 0: eval/responses"]
    shown = "truncated %" if column == "status" else "tokens"
    assert f",{shown}]" in said[2]
    assert "results[" not in said[2]


@pytest.mark.usefixtures("unremade")
@pytest.mark.parametrize(("column", "value"), [("status", "truncated"), ("tokens", 3)])
def test_so_does_one_of_an_evaluation_while_training(folder: Path, column: str, value: object) -> None:
    change(folder, column, value, final=False)
    found = verify("toy", None, folder.parent / "none", folder.parent)
    assert not found.intact
    assert found.lines[:2] == [
        "logs/eval.parquet has changed",
        "  grpo seed 0: eval/training/responses",
    ]


@pytest.mark.usefixtures("unremade")
@pytest.mark.parametrize("name", [".hidden", "logs/.hidden", "logs/.inputs"])
def test_a_file_that_nobody_sees_is_named(folder: Path, name: str) -> None:
    (folder / name).write_text("?")
    assert verify("toy", None, folder.parent / "none", folder.parent).lines == [
        f"{name} is not one of the report's files"
    ]
