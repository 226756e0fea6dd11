"""Which code a run was made with, in checkouts that are not as one would wish."""

from __future__ import annotations

import hashlib
import os
import shlex
import subprocess
from pathlib import Path

import pytest
import torch

from sspo.config import ModelConfig, RunConfig, TrainConfig
from sspo.models.policy import load_policy
from sspo.runs import revision
from sspo.trainer.environment import describe_environment


def git(folder: Path, *words: str) -> str:
    command = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b.c", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def tree(folder: Path) -> Path:
    """Code and configuration as in a checkout."""
    for name, text in {"sspo/loss.py": "x = 1\n", "conf/config.yaml": "seed: 0\n"}.items():
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of one commit, which is taken for our own."""
    root = tree(tmp_path / "checkout")
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-qm", "first")
    monkeypatch.setattr(revision, "ROOT", root)
    return root


def clutter(root: Path) -> None:
    """What editors and people leave about."""
    (root / "conf" / "study").mkdir()
    os.symlink("user@host.1234:1700000000", root / "conf" / "study" / ".#mine.yaml")  # Emacs, unsaved edits
    os.symlink("nowhere", root / "conf" / ".#config.yaml")
    os.symlink("nowhere", root / "sspo" / ".#loss.py")
    os.mkfifo(root / "sspo" / "pipe.py")
    (root / "sspo" / "folder.py").mkdir()
    git(root / "sspo", "init", "-q", "nested")


def test_what_is_no_file_changes_no_hash_and_fails_no_run(checkout: Path) -> None:
    before = revision.code_hash()
    clutter(checkout)
    assert revision.code_hash() == before
    assert revision.diff_hash() == ""
    assert revision.revision() == git(checkout, "rev-parse", "HEAD")


def test_files_of_any_name_and_content_count(checkout: Path) -> None:
    names = [b"sp ace.py", b"tab\t.py", b"line\nbreak.py", b'quote".py', "ü.py".encode(), b"latin\xfc.py"]
    hashes = {revision.diff_hash(), revision.code_hash()}
    for name in names:
        with open(os.path.join(os.fsencode(checkout), b"sspo", name), "wb") as stream:
            stream.write(b"# caf\xe9\n")
        hashes |= {revision.diff_hash(), revision.code_hash()}
    (checkout / "sspo" / "loss.py").write_bytes(b"# caf\xe9\n")  # git shows the difference as it is
    hashes |= {revision.diff_hash(), revision.code_hash()}
    assert len(hashes) == 2 + 2 * 7


def test_the_hash_of_a_difference_is_what_it_was(checkout: Path) -> None:
    """Recorded runs are compared by it: the text of the difference, then name and content of every new file."""
    (checkout / "sspo" / "loss.py").write_text("x = 2\n")
    (checkout / "sspo" / "new.py").write_text("y = 3\n")
    difference = git(checkout, "diff", "HEAD", "--binary", "--", "sspo", "conf")
    expected = hashlib.sha256(difference.encode() + b"sspo/new.py\0y = 3\n").hexdigest()
    assert revision.diff_hash() == expected


def test_a_repository_around_an_unpacked_archive_is_not_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    unpacked = tree(home / "sspo-0.1.0")
    (home / ".gitignore").write_text("*\n")
    git(home, "init", "-q")
    git(home, "commit", "-q", "--allow-empty", "-m", "dot files")
    monkeypatch.setattr(revision, "ROOT", unpacked)
    assert (revision.revision(), revision.diff_hash()) == (None, None)
    assert revision.why_unrecorded() is None


def test_a_repository_that_the_environment_names_is_not_its_own_either(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = git(checkout, "rev-parse", "HEAD")
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    git(other, "commit", "-q", "--allow-empty", "-m", "other")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / "index"))
    assert (revision.revision(), revision.diff_hash()) == (own, "")


def test_a_checkout_of_another_user_records_nothing_and_says_which_setting_would(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    assert (revision.revision(), revision.diff_hash()) == (None, None)
    sentence = revision.why_unrecorded()
    assert sentence is not None
    command = sentence.split("`")[1]
    assert command == f"git config --global --add safe.directory {checkout}"
    subprocess.run(shlex.split(command), check=True)
    assert revision.revision() is not None
    assert revision.why_unrecorded() is None


def test_without_git_nothing_is_claimed(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert (revision.revision(), revision.diff_hash(), revision.why_unrecorded()) == (None, None, None)
    described = describe_environment(TrainConfig(), load_policy(ModelConfig(), torch.device("cpu")))
    recorded = {key: value for key, value in described.items() if key.startswith("git_")}
    assert recorded == {"git_revision": None, "git_dirty": None, "git_diff_sha256": None}


def test_a_run_of_several_devices_says_how_many_it_had() -> None:
    policy = load_policy(ModelConfig(), torch.device("cpu"))
    one, two = (describe_environment(TrainConfig(run=RunConfig(gpus=gpus)), policy) for gpus in (1, 2))
    assert two["hardware"] == {**one["hardware"], "gpus": 2}
    assert "gpus" not in one["hardware"]  # as in every run before
