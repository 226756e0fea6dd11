"""The model's own chat template: the question is the user's message, after a system message if one is set.

Some templates write the date. It is fixed here, or a resumed run would continue with different prompts on the next day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sspo.config import PromptConfig
from sspo.errors import UserError
from sspo.prompts.templates import Template

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

TODAY = {
    "%d": "26",
    "%b": "Jul",
    "%B": "July",
    "%m": "07",
    "%y": "24",
    "%Y": "2024",
    "%A": "Friday",
    "%a": "Fri",
}
CLOCK = "{%- macro strftime_now(format) -%}{{ format" + "".join(
    f"|replace('{sign}', '{text}')" for sign, text in TODAY.items()
) + " }}{%- endmacro -%}"  # fmt: skip
"""Precedes a template and shadows transformers' clock function."""


def open_template(config: PromptConfig, tokenizer: PreTrainedTokenizerFast) -> Template:
    """Return the template, which transformers renders in a sandbox. Raises UserError if the model has none, or it
    fails.
    """
    if not tokenizer.chat_template:
        raise UserError(
            "prompt.template=chat: the tokenizer has no chat template, which is common for base models; use prompt=qwen_math, prompt=r1, "
            "or a Jinja2 file of your own"
        )
    written = tokenizer.get_chat_template()
    system = [{"role": "system", "content": config.system}] if config.system else []

    def render(question: str) -> str:
        messages = [*system, {"role": "user", "content": question}]
        try:
            text = tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=True, chat_template=CLOCK + written
            )
        except Exception as error:  # a model's template may raise anything
            said = " ".join(f"{type(error).__name__}: {error}".split())
            raise UserError(
                f"prompt.template=chat: the model's chat template cannot be used: {said}"
            ) from error
        return str(text)

    return Template(render=render, own_tokens=True)
