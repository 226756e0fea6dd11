"""The files of docs/extending.md do what the page says once they are pasted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from analysis.importers.importer import Named
from analysis.importers.read import read
from sspo.compose.fast import quick_compose
from sspo.config import SegmentationConfig
from sspo.config.choices import TERMS, Term
from sspo.models.policy import load_tokenizer
from sspo.objective.clip import TERM_FUNCTIONS
from sspo.rewards import open_reward
from sspo.segmentation import segment
from sspo.tasks import open_task
from sspo.types import Problem, Response
from tests.docs.blocks import blocks
from tests.plugins.test_own_rows import loss_of


@pytest.fixture(autouse=True)
def pasted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page's files, in the working directory."""
    (tmp_path / "own").mkdir()
    for block in blocks("python"):
        if block.page == "extending.md":
            (tmp_path / block.text.partition("\n")[0].removeprefix("# ")).write_text(block.text)
    monkeypatch.chdir(tmp_path)


def test_objective_and_term() -> None:
    row = quick_compose(["objective=own/objectives.py:ASYMMETRIC", "objective.clip.high=0.001"]).objective
    assert (row.ratio, row.clip.low, row.clip.high) == ("response", 3e-4, 0.001)
    own = quick_compose(["objective=grpo", "objective.term=own/terms.py:log_clip"]).objective
    assert TERMS[own.term] == Term(clips=True, in_logs=True)
    assert callable(TERM_FUNCTIONS[own.term])
    _, grad_BT, metrics = loss_of(own)
    # a token without a gradient is one that was clipped: 54 tokens, none with A = 0
    assert 0 < metrics["policy/clip_frac"] == (grad_BT == 0).sum().item() / 54 < 1


def test_rule_task_and_reward() -> None:
    tokenizer = load_tokenizer("embedded")
    ids = torch.tensor([tokenizer("so 4 * 2 is 8 , try 8 - 5 , 3 .", add_special_tokens=False)["input_ids"]])
    config = SegmentationConfig(rule="own/rules.py:after_is")
    assert segment(ids, torch.ones_like(ids).bool(), config, tokenizer)[0].tolist() == [0] * 5 + [1] * 9
    config = quick_compose(["task=own/tasks.py:open_task", "task.options=['largest=4']"]).task
    problems = open_task(config).train_problems(0, 1, 50)
    assert {part for one in problems for part in one.prompt.split()} <= {*"01234", "+", "?"}
    config = quick_compose(["reward=own/rewards.py:open_reward", "reward.options=['wrong=0.25']"]).reward
    asked = [Problem(id="", prompt="", answer="8")] * 2
    said = [Response(text=text, tokens=2, limit=9) for text in ("is 8", "is 7")]
    assert [score.value for score in open_reward(config).score(asked, said)] == [1.0, 0.25]


def test_importer() -> None:
    Path("a.json").write_text(
        json.dumps({"history": [{"step": 1, "score": 0.5}, {"step": 2, "score": 0.75}]})
    )
    (run,) = read(Path("a.json"), Named(importer="own/importers.py:IMPORTER"))
    assert (run.source, run.rows) == ("my_tool", {1: {"score": 0.5}, 2: {"score": 0.75}})
