"""Rows that installed packages offer: found without an import, hashed over the package, never in place of another's."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from analysis.importers.read import IMPORTERS
from sspo.compose.fast import quick_compose
from sspo.compose.hydra_compose import choices, compose
from sspo.config.choices import TERMS, Term
from sspo.errors import UserError
from sspo.objective.clip import TERM_FUNCTIONS
from sspo.runs.identity import cell_hash, identity
from sspo.segmentation import RULES
from tests.plugins.project import copied, forget, installed, offering

OPTIONS = {
    "objective.term=dual_clip": "terms.py",
    "segmentation=after_result": "rules.py",
    "reward=near_answer": "rewards.py",
}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The example's package, installed for one test."""
    place = installed(copied(tmp_path / "project"), tmp_path / "site")
    monkeypatch.syspath_prepend(str(place))
    yield place
    forget()


def test_names_are_known_and_nothing_of_theirs_is_imported(site: Path) -> None:
    words = ["objective=grpo", *OPTIONS]
    config = compose(words)
    assert quick_compose(words) == config
    assert "after_result@" in str(identity(config))
    assert "near_answer" in choices("reward")
    assert "dual_clip_grpo" in choices("objective")
    assert TERMS["dual_clip"] == Term(clips=True)
    with pytest.raises(UserError, match=r"unknown objective.term 'dual_clp': did you mean 'dual_clip'"):
        compose(["objective.term=dual_clp"])
    assert "my_rlvr" not in sys.modules


def test_they_are_imported_when_they_are_used(site: Path) -> None:
    row = compose(["objective=dual_clip_grpo", "objective.clip.high=0.5"]).objective
    assert (row.name, row.term, row.clip.low, row.clip.high) == ("dual_clip_grpo", "dual_clip", 0.2, 0.5)
    assert "my_rlvr.terms" not in sys.modules
    assert callable(TERM_FUNCTIONS["dual_clip"])
    assert callable(RULES["after_result"])
    assert IMPORTERS["scorefile"].matches(Path("a.log"), b"step=1 score=2")


@pytest.mark.parametrize("edited", ["own", "words.py"])
@pytest.mark.parametrize("option", OPTIONS)
def test_an_edit_of_the_package_makes_another_cell(option: str, edited: str, site: Path) -> None:
    words = ["objective=grpo", option]
    before = cell_hash(quick_compose(words))
    path = site / "my_rlvr" / (OPTIONS[option] if edited == "own" else edited)
    path.write_text(path.read_text() + "\n# edited\n")
    assert cell_hash(quick_compose(words)) != before


def test_no_package_takes_a_name_of_the_house_or_of_another(site: Path, tmp_path: Path, monkeypatch) -> None:
    groups = {
        "sspo.terms": {"ppo": "theirs:ppo", "dual_clip": "theirs:dual"},
        "sspo.rewards": {"gone": "nowhere:x"},
    }
    monkeypatch.syspath_prepend(str(offering(tmp_path / "other", "their-terms", groups)))
    with pytest.raises(
        UserError, match="package their-terms offers term 'ppo', which is the name of one of sspo's"
    ):
        compose(["objective=grpo"])
    with pytest.raises(UserError, match="packages my-rlvr and their-terms both offer term 'dual_clip'"):
        compose(["objective.term=dual_clip", "objective=grpo"])
    with pytest.raises(
        UserError,
        match=r"entry point gone = nowhere:x of their-terms .* names module 'nowhere', which has no",
    ):
        compose(["reward=gone", "objective.term=sapo", "objective=sapo"])


def test_a_choice_file_of_one_s_own_may_set_more_than_the_name(
    site: Path, tmp_path: Path, monkeypatch
) -> None:
    folder = tmp_path / "work" / "conf" / "reward"
    folder.mkdir(parents=True)
    (folder / "near_answer.yaml").write_text("name: near_answer\noptions: ['wrong=0.3']\n")
    monkeypatch.chdir(tmp_path / "work")
    for composed in (compose(["reward=near_answer"]), quick_compose(["reward=near_answer"])):
        assert composed.reward.options == ("wrong=0.3",)
