"""What the operating system refused is said of the file that it was, and of what was done with it."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from analysis.logs import long_table
from analysis.logs.manifest import study_of
from analysis.logs.source import choose
from analysis.refusals import refused
from sspo.errors import UserError

WRITTEN = "the report cannot be written: {}; free that path or choose another folder with --out"


@pytest.mark.parametrize("writes", [True, False])
def test_a_file_that_is_read_has_a_sentence_of_its_own(tmp_path: Path, writes: bool) -> None:
    for path, number, reason in (
        (tmp_path / "nowhere.yaml", errno.ENOENT, "No such file or directory"),
        (tmp_path, errno.EISDIR, "Is a directory"),
        (tmp_path / "no folder" / "runs.json", errno.EACCES, "Permission denied"),
    ):
        said = refused(OSError(number, reason, str(path)), tmp_path, writes=writes)
        assert str(said) == f"{path} cannot be read: {reason}"


def test_a_report_that_cannot_be_written_says_where(tmp_path: Path) -> None:
    there = tmp_path / "index.md"
    there.write_text("")
    for error, place in (
        (PermissionError(errno.EACCES, "Permission denied", str(there)), there),
        (PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "new")), tmp_path / "new"),
        (OSError(errno.ENOSPC, "No space left on device"), tmp_path),
    ):
        reason = error.strerror
        assert str(refused(error, tmp_path, writes=True)) == WRITTEN.format(f"{reason} ({place})")
    full = OSError(errno.EIO, "Input/output error")
    assert (
        str(refused(full, tmp_path, writes=False))
        == f"the report cannot be read: Input/output error ({tmp_path})"
    )


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_table_that_cannot_be_written_names_its_own_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    import pandas as pd

    monkeypatch.setattr(long_table, "tidy", lambda *words: pd.DataFrame({"value": [0.5]}))
    path = tmp_path / "no folder" / f"all.{ending}"
    with pytest.raises(
        UserError, match=rf"all\.{ending} cannot be written: .*; choose another file with --to"
    ):
        long_table.write_tidy("toy", "paper", tmp_path, tmp_path, path)


@pytest.mark.parametrize(
    ("called", "name"),
    [("clip", "clip"), ("clip.smoke", "clip"), ("paper_1.5b", "paper_1.5b"), ("paper_1.5b.imported", "paper_1.5b")],
)  # fmt: skip
def test_a_study_with_a_dot_in_its_name_is_offered_by_its_whole_name(
    called: str, name: str, tmp_path: Path
) -> None:
    assert study_of(called) == name
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / f"{called}.json").touch()
    with pytest.raises(UserError, match=f"did you mean '{name}'"):
        choose(f"{name}x", None, tmp_path, tmp_path)
