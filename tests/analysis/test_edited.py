"""A study that was edited after it was planned: report and verify speak of the study as it was, and say so."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from synthetic_store import ARMS, Scale, write_study

from analysis.__main__ import main
from analysis.logs.manifest import edited_sentence
from analysis.verify.spec import Spec, spec_today
from analysis.verify.why import one_line_each
from sspo.config import study_file

pytestmark = pytest.mark.usefixtures("undrawn")
FEW = [arm for arm in ARMS if arm.name in ("grpo", "gspo")]
SPEC = """test: paired
baseline: grpo
primary: {mode: sampled, temperature: 1.0}
arms: {grpo: {}, gspo: {}}
presets: {paper: {seeds: [0]}}
"""


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The spec of a study that is planned and done in `runs`; the working folder is its parent."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(study_file, "FOLDER", tmp_path)
    path = tmp_path / "toy.yaml"
    path.write_text(SPEC)
    manifest = write_study(tmp_path / "runs", FEW, Scale(seeds=1, rollouts=2, questions=2, samples=1))
    manifest["written_sha256"] = study_file.written_sha256(path)
    (tmp_path / "runs" / "studies" / "toy.paper.json").write_text(json.dumps(manifest))
    return path


def said(command: str, monkeypatch, capsys, *, code: int = 0) -> tuple[str, str]:
    """What a command prints, on either stream."""
    monkeypatch.setattr(sys, "argv", ["analysis", command, "toy"])
    assert main() == code
    printed = capsys.readouterr()
    return printed.out, printed.err


EDITED = "conf/study/toy.yaml has changed since this study was planned: "


def test_report_and_verify_say_that_a_spec_was_edited_since(spec: Path, monkeypatch, capsys) -> None:
    spec.write_text("# a comment\n" + SPEC.replace("{grpo: {}, gspo: {}}", "{gspo: {}, grpo: {}}"))
    assert said("report", monkeypatch, capsys)[1] == ""
    assert "its spec is unchanged)" in said("verify", monkeypatch, capsys)[0]
    spec.write_text(SPEC.replace("grpo: {}", "grpo: {resources: {gpus: 2}}"))
    text = said("report", monkeypatch, capsys)[1]
    assert text.startswith("note: conf/study/toy.yaml was edited after this study was planned")
    assert "`make sweep NAME=toy PRESET=paper` plans and runs the edited study" in text
    text = said("verify", monkeypatch, capsys, code=1)[0]
    assert text == f"{EDITED}in nothing that the manifest of this preset states\n"


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The manifest of the study, without the digest of its spec."""
    return write_study(
        tmp_path_factory.mktemp("runs"), FEW, Scale(seeds=1, rollouts=2, questions=2, samples=1)
    )


@pytest.fixture
def today(planned: dict[str, Any], tmp_path: Path, monkeypatch) -> Callable[..., Spec]:
    """What became of a spec, by its text; with a digest of it in the manifest or, as in older ones, without."""
    monkeypatch.setattr(study_file, "FOLDER", tmp_path)
    path = tmp_path / "toy.yaml"

    def compared(text: str | None, *, digest: bool = True) -> Spec:
        path.write_text(SPEC)
        written = {"written_sha256": study_file.written_sha256(path)} if digest else {}
        path.unlink()
        if text is not None:
            path.write_text(text)
        return spec_today({**planned, **written})

    return compared


def test_a_spec_that_is_gone_is_no_change(today: Callable[..., Spec]) -> None:
    gone = today(None)
    assert (gone.changed, gone.note) == ("", "its spec is gone from conf/study")
    assert edited_sentence({"study": "toy", "preset": "paper", "written_sha256": "0" * 64}) is None


@pytest.mark.parametrize(
    ("was", "now", "says"),
    [
        ("test: paired", "test: welch", "test (paired then, welch now)"),
        ("temperature: 1.0", "temperature: 0.7", "primary temperature (1.0 then, 0.7 now)"),
        ("baseline: grpo", "baseline: gspo", "baseline (grpo then, gspo now)"),
        ("seeds: [0]", "seeds: 2", "seeds of grpo (0 then, 0-1 now); seeds of gspo (0 then, 0-1 now)"),
        ("gspo: {}", "dapo: {}", "arm dapo is new; arm gspo is gone"),
        ("gspo: {}", "gspo: {overrides: [a=1]}", "overrides of gspo ([] then, [a=1] now)"),
        ("paper:", "smoke:", "preset paper is gone"),
        ("gspo: {}", "gspo: 3", "its form"),
    ],
)
def test_what_a_spec_says_otherwise_is_named(
    today: Callable[..., Spec], was: str, now: str, says: str
) -> None:
    for digest in (True, False):
        assert today(SPEC.replace(was, now), digest=digest).changed == EDITED + says


def test_without_a_digest_only_what_the_manifest_states_is_compared(today: Callable[..., Spec]) -> None:
    same = today(f"# as it was\n{SPEC}", digest=False)
    assert same.changed == ""
    assert same.note == "only the parts of its spec that the manifest states: it has no hash of the spec"


def test_a_spec_that_cannot_be_read_is_named(today: Callable[..., Spec]) -> None:
    text = today("arms: [").changed
    assert text.startswith("the spec of this study cannot be compared: ")
    assert "\n" not in one_line_each([text])[0]
