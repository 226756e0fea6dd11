"""What docs/verl.md says of verl: the settings that it names are there, with the defaults that it names, and its commands compose."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra import compose, initialize_config_dir

from tests.docs.blocks import ROOT, commands

PAGE = (ROOT / "docs" / "verl.md").read_text(encoding="utf-8")
SPEC = find_spec("verl")
assert SPEC is not None
assert SPEC.origin is not None
VERL = Path(SPEC.origin).parent
"""verl's folder: its files are read, and nothing of it is imported."""
DEFAULTS = yaml.safe_load(
    (VERL / "trainer" / "config" / "_generated_ppo_trainer.yaml").read_text(encoding="utf-8")
)
NESTED = re.compile(r"`(\w+(?:\.\w+)+)`")
SHOWN = [words for where, words in commands() if where.startswith("verl.md") and words[1] == "-m"]


def table(title: str) -> list[list[str]]:
    """The cells of the first table below a heading, without its head."""
    text = PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    rows = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


def default(key: str) -> Any:
    """verl's default of a dotted key. Raises KeyError where verl has no such key."""
    found = DEFAULTS
    for name in key.split("."):
        found = found[name]
    return found


def test_every_setting_of_verl_that_the_page_names_exists() -> None:
    named = [
        key
        for row in table("Settings side by side")
        for key in NESTED.findall(row[1])
        if "v1.sspo" not in key
    ]
    assert len(named) > 30
    refused = [
        key.replace("actor.", "actor_rollout_ref.actor.", 1) if key.startswith("actor.") else key
        for row in table("What is refused")
        if not row[0].startswith(("in a trial", "in a command line"))
        for key in NESTED.findall(row[0])
    ]
    assert len(refused) > 8
    for key in (*named, *refused):
        default(key)


def test_the_defaults_that_the_page_names_are_verls() -> None:
    actor, rollout = "actor_rollout_ref.actor", "actor_rollout_ref.rollout"
    expected = {
        f"{actor}.loss_agg_mode": "token-mean",
        f"{actor}.optim.lr": 1e-6,
        f"{actor}.optim.betas": [0.9, 0.999],
        f"{actor}.optim.weight_decay": 0.01,
        f"{actor}.optim.clip_grad": 1.0,
        f"{actor}.fsdp_config.model_dtype": "fp32",
        f"{actor}.fsdp_config.dtype": "bfloat16",
        f"{rollout}.dtype": "bfloat16",
        f"{rollout}.logprobs_mode": "processed_logprobs",
        f"{rollout}.full_determinism": False,
        "actor_rollout_ref.model.enable_gradient_checkpointing": True,
        "actor_rollout_ref.model.use_remove_padding": True,
        "data.shuffle": True,
        "trainer.use_v1": True,
    }
    assert {
        key: default(key) if key.split(".")[-1] != "lr" else float(default(key)) for key in expected
    } == expected


def test_files_and_functions_that_the_page_names_exist() -> None:
    named = re.findall(r"`((?:\w+/)+\w+\.py):(\w+)`", PAGE)
    assert len(named) >= 6
    for file, name in named:
        assert f"def {name}(" in (VERL / file).read_text(encoding="utf-8")
    for name, file in re.findall(r"`(\w+)`[^|`]*\(`((?:\w+/)+\w+\.py)`\)", PAGE):
        assert f"def {name}(" in (VERL / file).read_text(encoding="utf-8")


@pytest.mark.parametrize("words", SHOWN, ids=lambda words: words[2])
def test_the_commands_that_the_page_shows_compose(words: tuple[str, ...]) -> None:
    with initialize_config_dir(config_dir=str(VERL / "trainer" / "config"), version_base=None):
        config = compose(config_name="ppo_trainer", overrides=list(words[3:]))
    assert config.trainer.v1.trainer_mode == config.actor_rollout_ref.actor.policy_loss.loss_mode == "sspo"
    assert set(config.trainer.v1.sspo) <= {"objective", "segmentation", "overrides"}
