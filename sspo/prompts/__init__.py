"""Prompt templates: the text around a question.

templates  one template per file, by its name
own_file   a user-supplied Jinja2 file
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sspo.config import PromptConfig
from sspo.config.prompt_checks import is_own_template

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from sspo.prompts.templates import Template


def open_template(config: PromptConfig, tokenizer: PreTrainedTokenizerFast) -> Template:
    """Return the template that a configuration names. Raises UserError if it cannot be used with this tokenizer."""
    if is_own_template(config.template):
        from sspo.prompts.own_file import open_own

        return open_own(config.template, tokenizer)
    from sspo.prompts.templates import TEMPLATES

    return TEMPLATES[config.template](config, tokenizer)
