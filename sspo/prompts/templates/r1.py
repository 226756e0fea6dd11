"""The prompt of DeepSeek-R1-Zero (arXiv 2501.12948 table 1), with the thinking begun. It needs no chat model.

Source: apply_r1_template of github.com/sail-sg/understand-r1-zero. Recommended with rollout.stop=['</answer>'].
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sspo.config import PromptConfig
from sspo.prompts.templates import Template

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

BEFORE = (
    "A conversation between User and Assistant. The User asks a question, and the Assistant solves it. The Assistant first "
    "thinks about the reasoning process in the mind and then provides the User with the answer. The reasoning process is "
    "enclosed within <think> </think> and answer is enclosed within <answer> </answer> tags, respectively, i.e., <think> "
    "reasoning process here </think> <answer> answer here </answer>.\nUser: "
)
AFTER = "\nAssistant: <think>"


def open_template(config: PromptConfig, tokenizer: PreTrainedTokenizerFast) -> Template:
    """Return the template; it has no options."""
    del config, tokenizer
    return Template(render=lambda question: f"{BEFORE}{question}{AFTER}")
