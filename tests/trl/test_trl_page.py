"""What docs/trl.md says of TRL: the settings that it names are there, with the defaults that it names, and so are the functions."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields
from pathlib import Path

import pytest
import torch
from transformers import AutoProcessor, Trainer, get_scheduler
from trl import GRPOConfig, GRPOTrainer
from trl.trainer import grpo_trainer, utils
from trl.trainer.utils import nanstd

from sspo.integrations.trl import SSPOConfig
from sspo.models.folder import model_folder
from sspo.objective.advantage import group_norm
from tests.docs.blocks import ROOT

PAGE = (ROOT / "docs" / "trl.md").read_text(encoding="utf-8")
FIELDS = {one.name: one.default for one in fields(SSPOConfig)}


def table(title: str) -> list[list[str]]:
    """The cells of the first table below a heading, without its head."""
    text = PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    rows = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


def test_every_setting_of_trl_that_the_page_names_exists() -> None:
    known = {*FIELDS, *inspect.signature(GRPOTrainer.__init__).parameters}
    quoted = [words for row in table("Settings side by side") for words in re.findall(r"`([^`]+)`", row[1])]
    named = {name for words in quoted for name in re.findall(r"(?<![\w\"'.])([a-z]\w+)(?!\w*\()", words)}
    named -= {"prompt", "attn_implementation"}  # a column, and a key of model_init_kwargs
    assert len(named) > 25
    assert named <= known
    refused = [name for row in table("What is refused") for name in re.findall(r"`(\w+)`", row[0])]
    assert "loss_type" in refused
    assert set(refused) - known <= {"record"}


def test_the_defaults_that_the_page_names_are_trls() -> None:
    expected = {
        "loss_type": "dapo",
        "learning_rate": 1e-6,
        "adam_beta1": 0.9,
        "adam_beta2": 0.999,
        "weight_decay": 0.0,
        "max_grad_norm": 1.0,
        "lr_scheduler_type": "linear",
        "disable_dropout": False,
        "cast_lm_head_to_fp32": False,
        "mask_truncated_completions": False,
        "logging_nan_inf_filter": True,
        "steps_per_generation": None,  # gradient_accumulation_steps
    }
    theirs = {one.name: one.default for one in fields(GRPOConfig)}
    assert {name: theirs[name] for name in expected} == expected
    assert FIELDS["disable_dropout"] is True


@pytest.mark.parametrize(
    ("owner", "name"), re.findall(r"`(?:(\w+)\.)?(_?[a-z]\w+)` (?:shuffles|calls|divides)", PAGE)
)
def test_methods_that_the_page_names_exist(owner: str, name: str) -> None:
    assert hasattr(Trainer if owner == "Trainer" else GRPOTrainer, name)


def test_files_and_functions_that_the_page_names_exist() -> None:
    named = re.findall(r"`(\w+\.py):(\w+)`", PAGE)
    assert len(named) >= 4
    for file, name in named:
        assert name in (Path(utils.__file__).parent / file).read_text(encoding="utf-8")
    assert "_buffered_inputs = None" in inspect.getsource(grpo_trainer)


def test_advantages_and_learning_rates_have_the_sizes_that_the_page_gives() -> None:
    # one right of eight: mean 1/8, unbiased std sqrt(7/64 * 8/7) = 0.353553; 0.875 / (std + 1e-4) = 2.4742, / (std + 1e-6) = 2.4749
    reward_PG = torch.tensor([[1.0, 0, 0, 0, 0, 0, 0, 0]])
    theirs = (reward_PG - reward_PG.mean()) / (nanstd(reward_PG, dim=1) + 1e-4)
    assert f"{theirs[0, 0]:.4f} for {group_norm(reward_PG)[0, 0]:.4f}" == "2.4742 for 2.4749"
    assert "2.4742 for 2.4749" in PAGE
    assert rates("linear", num_warmup_steps=0, num_training_steps=8) == [1 - k / 8 for k in range(8)]
    assert rates("constant_with_warmup", num_warmup_steps=4)[:5] == [0.0, 0.25, 0.5, 0.75, 1.0]


def rates(name: str, **options: int) -> list[float]:
    """The factors of a scheduler of transformers at eight optimizer steps."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler, found = get_scheduler(name, optimizer, **options), []
    for _ in range(8):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


def test_trl_reads_another_tokenizer_from_the_embedded_models_folder() -> None:
    theirs = AutoProcessor.from_pretrained(str(model_folder("embedded")), trust_remote_code=False)
    assert theirs.decode(theirs("5 + 3 is 8 , answer 8 .")["input_ids"]) == "5+38,8."
