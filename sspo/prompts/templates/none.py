"""The question alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sspo.config import PromptConfig
from sspo.prompts.templates import Template

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


def open_template(config: PromptConfig, tokenizer: PreTrainedTokenizerFast) -> Template:
    """Return the template; it has no options."""
    del config, tokenizer
    return Template(render=lambda question: question)
