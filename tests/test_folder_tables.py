"""Tables that are folders: a file that is dropped in is found, and every row is whole."""

from __future__ import annotations

import dataclasses
import inspect
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sspo.config import REWARD_NAMES, RULES, TEMPLATE_NAMES, RolloutConfig, SegmentationConfig
from sspo.config.folder_table import names_in
from sspo.prompts.templates import TEMPLATES
from sspo.questions.named_set import NamedSet
from sspo.questions.sets import SETS
from sspo.rewards import REWARDS
from sspo.rollout import ENGINES
from sspo.segmentation import GROUPS, OPTIONS, READS_TEXT
from sspo.segmentation import RULES as RULE_FUNCTIONS
from sspo.tasks import TASKS

ROOT = Path(__file__).resolve().parent.parent
HALVES = '''"""Two segments per response."""

import torch

OPTIONS = ()
READS_TEXT = False


def cuts(responses, config):
    """A cut after the first half."""
    position_T = torch.arange(responses.mask_BT.shape[1])
    return position_T + 1 == responses.mask_BT.sum(1, keepdim=True) // 2
'''
PARITIES = '''"""Tokens at even places, and those at odd ones."""

import torch

OPTIONS = ()
READS_TEXT = False


def groups(responses, config):
    """The place, modulo two."""
    position_T = torch.arange(responses.mask_BT.shape[1])
    return (position_T % 2).where(responses.mask_BT, -1)
'''
REWARD = '''"""1 for anything."""

from sspo.rewards import PerAnswer
from sspo.types import Score


def open_reward(config):
    """The reward."""
    return PerAnswer(lambda text, answer: Score(value=1.0, status="ok"))
'''
ASKED = """
import sys
from sspo.compose.fast import quick_compose
from sspo.compose.hydra_compose import choices, compose
words = ["segmentation=halves", "reward=always"]
config = compose(words)
assert quick_compose(words) == config and config.reward.name in choices("reward")
assert "torch" not in sys.modules
import torch
from sspo.replay.rules import in_use, labels
from sspo.rewards import open_reward
from sspo.segmentation import segment
from sspo.types import Problem, Response
mask_BT = torch.ones(1, 4, dtype=torch.bool)
print(segment(mask_BT.long(), mask_BT, config.segmentation, None).tolist(), *labels([in_use(config.segmentation)]).values())
print(segment(mask_BT.long(), mask_BT, compose(["segmentation=parities"]).segmentation, None).tolist())
asked = [Problem(id="", prompt="", answer="")], [Response(text="", tokens=1, limit=1)]
print(open_reward(config.reward).score(*asked)[0].value)
"""


@pytest.mark.acceptance
def test_a_rule_and_a_reward_are_a_file_each(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "sspo", tmp_path / "sspo", ignore=shutil.ignore_patterns("weights", "__pycache__"))
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    (tmp_path / "sspo" / "segmentation" / "rules" / "halves.py").write_text(HALVES)
    (tmp_path / "sspo" / "segmentation" / "rules" / "parities.py").write_text(PARITIES)
    (tmp_path / "sspo" / "rewards" / "always.py").write_text(REWARD)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-P", "-c", ASKED]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == "[[0, 0, 1, 1]] halves\n[[0, 1, 0, 1]]\n1.0\n", done.stderr


@pytest.mark.parametrize("name", [*RULE_FUNCTIONS, *GROUPS])
def test_every_rule_is_whole(name: str) -> None:
    (function,) = (
        table[name] for table in (RULE_FUNCTIONS, GROUPS) if name in table
    )  # cuts or groups, not both
    assert list(inspect.signature(function).parameters) == ["responses", "config"]
    assert set(OPTIONS[name]) <= {field.name for field in dataclasses.fields(SegmentationConfig)}
    assert isinstance(READS_TEXT[name], bool)


def test_every_task_reward_and_engine_loads() -> None:
    assert {*RULE_FUNCTIONS, *GROUPS, "random"} == set(RULES)
    assert all(map(callable, (TASKS[name] for name in TASKS)))
    assert all(isinstance(SETS[name], NamedSet) for name in SETS)
    assert all(map(callable, (REWARDS[name] for name in REWARD_NAMES)))
    assert all(map(callable, (TEMPLATES[name] for name in TEMPLATE_NAMES)))
    assert RolloutConfig().engine in ENGINES
    assert all(map(callable, ENGINES.values()))


def test_a_table_has_its_files_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    for name in ("two.py", "one.py", "__init__.py", "_helper.py", "._two.py", "notes.md"):
        (folder / name).touch()
    assert names_in("a.b", tmp_path) == ("one", "two")
    with pytest.raises(KeyError):
        TASKS["unheard_of"]


def test_nothing_but_these_tables_imports_by_a_name_that_the_code_key_cannot_follow() -> None:
    dynamic = re.compile(r"\bimport_module\b|\b__import__\b|\bspec_from_file_location\b|\bpoint\.load\b")
    found = {str(p.relative_to(ROOT)) for p in (ROOT / "sspo").rglob("*.py") if dynamic.search(p.read_text())}
    assert (
        found
        == {
            "sspo/config/folder_table.py",
            "sspo/numerics/probe_runs.py",  # beside the trainer, not below it
            "sspo/questions/generated.py",  # of a package, whose version and first questions are in the cell's name
            "sspo/config/plugins/installed.py",  # of installed packages, whose files are in the cell's name
            "sspo/config/plugins/own_file.py",  # of the user's own, whose content is in the cell's name
        }
    )
