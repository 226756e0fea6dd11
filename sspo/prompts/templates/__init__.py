"""One template per file, which exports `open_template`: (config, tokenizer) -> Template.

The folder is the table: a new template is one new file, and its name is the value of prompt.template.

none       the question alone
chat       the model's own chat template
qwen_math  the template of the Qwen2.5-Math models
r1         the template of DeepSeek-R1-Zero, which needs no chat model
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sspo.config import PromptConfig
from sspo.config.folder_table import FolderTable

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


@dataclass(frozen=True, kw_only=True)
class Template:
    """A function from a question to a prompt."""

    render: Callable[[str], str]
    own_tokens: bool = False
    """True if its text includes every special token, including any bos, so that the tokenizer adds none."""
    marks: tuple[str, ...] = ()
    """Texts of it that should be single tokens of the model."""


TEMPLATES: Mapping[str, Callable[[PromptConfig, PreTrainedTokenizerFast], Template]] = FolderTable(
    "sspo.prompts.templates", "open_template"
)
