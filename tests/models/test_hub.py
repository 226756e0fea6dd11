"""A model of a hub on the loopback: downloaded once at its commit, then offline; and what goes wrong there, in one sentence.

The hub's client reads its environment once, so every environment is a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sspo.config import ModelConfig, TrainConfig
from sspo.errors import NotHere, UserError
from sspo.hub import failures
from sspo.hub.failures import Wanted, one_sentence
from sspo.models.folder import base_fingerprint, chat_template, check_positions, model_folder
from sspo.models.hub import HubModel, hub_model
from sspo.runs.identity import cell_hash
from tests import tiny_models
from tests.questions.hub_server import Hub, serving

WANTED = Wanted(what="model.path=a/b", kind="model", repo="a/b", revision=None, instead="give a folder")
OLD, NEW = "a" * 40, "0" * 39 + "1"
CODE = """
import json, sys
from sspo.errors import UserError
from sspo.models.folder import model_folder
from sspo.models.loading import read_tokenizer
for path in sys.argv[1:]:
    try:
        folder = model_folder(path)
        names = sorted(one.name for one in folder.iterdir())
        print(json.dumps({"files": names, "ids": read_tokenizer(path).encode("7")}))
    except UserError as error:
        print(json.dumps({"error": str(error)}))
"""


def asked(
    address: str, home: Path, paths: Sequence[str], **environment: str
) -> tuple[list[dict[str, Any]], str]:
    """What a process says of each path, and its standard error."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "HUGGING"))}
    settings = {"HF_ENDPOINT": address, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1", **environment}
    done = subprocess.run(
        [sys.executable, "-c", CODE, *paths],
        env={**clean, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


@pytest.mark.acceptance
def test_a_pinned_model_comes_once_and_every_failure_is_a_sentence(tmp_path: Path) -> None:
    folder = tiny_models.save(tmp_path / "tiny")
    files = {one.name: one.read_bytes() for one in folder.iterdir()}
    hub = Hub()
    extra = {"README.md": b"x", "run.py": b"x", "onnx/model.json": b"{}", "consolidated.safetensors": b"x"}
    hub.commit("me/tiny", {**files, **extra}, OLD)
    hub.commit("me/tiny", {"config.json": b"{}", "pytorch_model.bin": b"x"}, NEW)
    hub.commit("me/gguf", {"model.gguf": b"x"}, OLD)
    hub.commit("me/cut", files, OLD)
    hub.cut.add("me/cut")
    hub.refused.add("me/secret")
    paths = [
        f"me/{name}"
        for name in (
            f"tiny@{OLD}",
            f"tiny@{'c' * 40}",
            f"none@{OLD}",
            f"tiny@{NEW}",
            f"gguf@{OLD}",
            f"secret@{OLD}",
        )
    ]
    with serving(hub) as address:
        said, told = asked(address, tmp_path / "cache", [*paths, f"me/cut@{OLD}"])
        assert said[0]["files"] == sorted(files)
        assert f"downloading me/tiny at {OLD[:12]} from the hub: {len(files)} files, 0 MB\n" in told
        for one, why in zip(
            said[1:],
            (
                f"me/tiny has no revision {'c' * 40}; use a local folder",
                "the hub has no model me/none, or not all of its files (404)",
                "the hub has no safetensors weights there",
                "the hub has no config.json there",
                "the hub refuses me/secret to this account (401)",
                "the download was interrupted",
            ),
            strict=True,
        ):
            assert why in one["error"]
        before = len(hub.asked)
        again, told = asked(address, tmp_path / "cache", paths[:1])
        assert (again, told) == (said[:1], "")
        assert len(hub.asked) == before
    offline, _ = asked("http://127.0.0.1:1", tmp_path / "cache", [paths[0], paths[2]], HF_HUB_OFFLINE="1")
    assert offline[0] == said[0]
    assert "the hub cannot be reached, and the cache does not have it" in offline[1]["error"]


def test_a_commit_names_a_model_without_a_look_at_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"me/never-downloaded@{OLD}"
    assert hub_model(path) == HubModel("me/never-downloaded", OLD)
    assert base_fingerprint(path) != base_fingerprint(f"me/never-downloaded@{NEW}")
    assert chat_template(path) == b""
    config = replace(TrainConfig(), model=ModelConfig(path=path))
    assert len(cell_hash(config)) == 12
    check_positions(config, download=False)
    monkeypatch.chdir(tmp_path)
    tiny_models.save(tmp_path / path)
    assert hub_model(path) is None
    assert model_folder(path) == Path(path)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("me/tiny", "or a model of the hub as owner/name@<commit>, with all 40 hexadecimal digits"),
        ("me/tiny@main", "because branches move, and 'main' is not one"),
        (f"me/tiny@{OLD[:12]}", f"'{OLD[:12]}' is not one"),
        (f"me/tiny@{'A' * 40}", "in lower case"),
        (f"tiny@{OLD}", "there is no such folder, and a model of the hub is written as owner/name@<commit>"),
    ],
)
def test_a_model_without_its_commit_is_told_how_it_is_written(path: str, why: str) -> None:
    with pytest.raises(UserError, match=r"^model\.path=") as raised:
        model_folder(path)
    assert why in str(raised.value)


def test_a_long_wait_for_the_hub_is_said_once_and_a_short_one_is_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(NotHere, match="cannot be downloaded"), one_sentence(WANTED):
        raise OSError("no route")
    monkeypatch.setattr(failures, "PATIENCE", 0.01)
    with one_sentence(WANTED):
        time.sleep(0.2)
    said = capsys.readouterr().err
    assert said.count("waiting for model.path=a/b (HF_HUB_OFFLINE=1") == said.count("\n") == 1
