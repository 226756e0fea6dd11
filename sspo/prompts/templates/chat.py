"""The model's own chat template: the question is what the user says, after a system message where one is set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jinja2 import TemplateError

from sspo.config import PromptConfig
from sspo.errors import UserError
from sspo.prompts.templates import Template

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


def open_template(config: PromptConfig, tokenizer: PreTrainedTokenizerFast) -> Template:
    """The template, which transformers renders in a sandbox. Raises UserError where the model has none, or it fails."""
    if not tokenizer.chat_template:
        raise UserError(
            "prompt.template=chat: the tokenizer has no chat template, as base models often do; take prompt=qwen_math, prompt=r1, "
            "or a Jinja2 file of your own"
        )
    system = [{"role": "system", "content": config.system}] if config.system else []

    def render(question: str) -> str:
        messages = [*system, {"role": "user", "content": question}]
        try:
            text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        except (TemplateError, TypeError, ValueError) as error:
            said = " ".join(str(error).split())
            raise UserError(
                f"prompt.template=chat: the model's chat template cannot be used: {said}"
            ) from error
        return str(text)

    return Template(render=render, own_tokens=True)
