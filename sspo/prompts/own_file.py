"""A user-supplied template: a Jinja2 file with {{ question }} in it, rendered in a sandbox."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import StrictUndefined, TemplateError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from sspo.config.prompt_checks import is_own_template, own_text
from sspo.errors import UserError, unknown
from sspo.prompts.templates import Template

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

PROBE = "1 + 1 = ?"
FIELDS = ("question", "bos", "eos")
"""Fields that such a file may use: the question, and the tokenizer's own first and last token as text."""


def open_own(path: str, tokenizer: PreTrainedTokenizerFast) -> Template:
    """Return the file's template. Raises UserError for one that cannot be read, has no question, or uses an unknown
    field.

    A file that uses `bos`, or whose text begins with a special token of the tokenizer, supplies all of them; other text
    gets the tokenizer's.
    """
    assert is_own_template(path)
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=False)
    del environment.filters["random"]  # a prompt is a function of its question
    text = own_text(path)
    try:
        asked = meta.find_undeclared_variables(environment.parse(text))
        template = environment.from_string(text)
    except TemplateError as error:
        raise UserError(f"prompt.template={path} is not a Jinja2 template: {error}") from error
    for field in sorted(asked - set(FIELDS)):
        raise unknown(f"field of {Path(path).name}", field, FIELDS)
    if "question" not in asked:
        raise UserError(
            f"prompt.template={path} has no {{{{ question }}}} in it, so every prompt would be the same"
        )
    tokens = {"bos": tokenizer.bos_token or "", "eos": tokenizer.eos_token or ""}

    def render(question: str) -> str:
        try:
            return template.render(question=question, **tokens)
        except Exception as error:  # a user's template may raise anything
            raise UserError(
                f"prompt.template={path} cannot be rendered: {type(error).__name__}: {error}"
            ) from error

    special = tuple(tokenizer.all_special_tokens)
    return Template(render=render, own_tokens="bos" in asked or render(PROBE).lstrip().startswith(special))
