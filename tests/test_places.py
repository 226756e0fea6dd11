"""A user's `conf/` comes first, the project's second; one that is not there changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.claims.files import claim_files
from sspo.compose.fast import quick_compose
from sspo.compose.hydra_compose import choices, compose
from sspo.compose.multirun import combinations
from sspo.config.places import CONF_ROOT, conf_roots
from sspo.config.study_file import study_file
from sspo.errors import UserError
from sweeps.find_study import find_study
from sweeps.plan.expected.tables import tables

FILES = {
    "model/mine.yaml": "path: embedded\nattention: eager\n",
    "segmentation/line.yaml": "rule: line\nmin_tokens: 3\n",
    "experiment/mine.yaml": "# @package _global_\ndefaults:\n  - quick\n  - override /model: mine\n  - _self_\ntrainer: {lr: 0.125}\n",
    "claims/mine.yaml": "title: Mine\nclaims: {}\n",
    "study/mine.yaml": "baseline: grpo\ntitle: Mine\nquestion: Which\nprimary: {mode: greedy}\n"
    "arms: {grpo: {overrides: [objective=grpo]}, sspo: {overrides: [objective=sspo, model=mine]}}\n"
    "presets: {smoke: {seeds: 2}, default: {seeds: 2}, paper: {seeds: 8}}\n",
    "study/clip_ablation.yaml": "title: theirs\n",
}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory that holds a user's configuration alone."""
    for name, text in FILES.items():
        path = tmp_path / "conf" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_users_files_are_choices_beside_the_projects(place: Path) -> None:
    assert conf_roots() == (place / "conf", CONF_ROOT)
    assert {"mine", "embedded"} <= set(choices("model"))
    for words in (
        ["model=mine"],
        ["experiment=mine"],
        ["experiment=mine", "model=embedded"],
        ["segmentation=line"],
    ):
        assert quick_compose(words) == compose(words)
    assert compose(["experiment=mine"]).model.attention == "eager"
    assert compose(["experiment=mine"]).trainer.lr == 0.125
    assert combinations(["model=glob(m*)"]) == [("model=mine",)]


def test_of_two_files_of_the_same_name_the_users_counts(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also after another folder has been the working directory."""
    assert compose(["segmentation=line"]).segmentation.min_tokens == 3
    assert study_file("clip_ablation") == place / "conf" / "study" / "clip_ablation.yaml"
    monkeypatch.chdir(CONF_ROOT.parent)
    assert compose(["segmentation=line"]).segmentation.min_tokens != 3
    with pytest.raises(UserError, match="model"):
        compose(["model=mine"])
    assert study_file("clip_ablation") == CONF_ROOT / "study" / "clip_ablation.yaml"


def test_a_study_of_the_user_is_found_with_the_projects_claims_and_tables(place: Path) -> None:
    study = find_study("mine", Path("runs"))
    assert list(study.arms) == ["grpo", "sspo"]
    assert find_study("segmentation_ablation", Path("runs")).name == "segmentation_ablation"
    assert [path.parent for path in claim_files() if path.stem == "mine"] == [place / "conf" / "claims"]
    assert len(claim_files()) > 1
    assert tables().devices


def test_a_folder_without_configuration_has_the_projects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert conf_roots() == (CONF_ROOT,)
    assert study_file("nowhere") == CONF_ROOT / "study" / "nowhere.yaml"
    assert compose(["segmentation=line"]).segmentation.rule == "line"


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        (
            "objective/grpo.yaml",
            "clip: {high: 0.9}",
            "objectives have no files in conf/; write the row in a Python file",
        ),
        ("task/chain.yaml", "[1", "YAML|cannot compose"),
    ],
)
def test_a_users_file_that_cannot_count_is_one_sentence_in_both_composers(
    name: str, text: str, wanted: str, place: Path
) -> None:
    """Hydra would take a file of an objective, of which planning knows nothing: another cell than the planned one."""
    (place / "conf" / name).parent.mkdir(exist_ok=True)
    (place / "conf" / name).write_text(text)
    for words in (["task=chain", "objective=grpo"], ["task=chain", "model=mine"]):
        for composer in (compose, quick_compose):
            with pytest.raises(UserError, match=wanted) as refused:
                composer(words)
            assert "\n" not in str(refused.value)


def test_a_deleted_working_directory_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(UserError, match="the working directory was deleted"):
        conf_roots()
