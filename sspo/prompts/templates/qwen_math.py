"""The prompt of the Qwen2.5-Math models, as written in published runs.

Source: apply_qwen_math_template of github.com/sail-sg/understand-r1-zero, whose words are those of Qwen2.5-Math's own chat
template with its instruction for stepwise reasoning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sspo.config import PromptConfig
from sspo.prompts.templates import Template

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

BEFORE = (
    "<|im_start|>system\nPlease reason step by step, and put your final answer within \\boxed{}.<|im_end|>\n"
    "<|im_start|>user\n"
)
AFTER = "<|im_end|>\n<|im_start|>assistant\n"


def open_template(config: PromptConfig, tokenizer: PreTrainedTokenizerFast) -> Template:
    """Return the template; it has no options."""
    del config, tokenizer
    return Template(
        render=lambda question: f"{BEFORE}{question}{AFTER}",
        marks=("<|im_start|>", "<|im_end|>"),
    )
