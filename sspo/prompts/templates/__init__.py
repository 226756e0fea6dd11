"""One template per file, which exports `open_template`: (config, tokenizer) -> Template.

The folder is the table: a new template is one new file, and its name is the value of prompt.template.

none       the question alone
chat       the model's own chat template
qwen_math  that of the Qwen2.5-Math models
r1         that of DeepSeek-R1-Zero, which needs no chat model
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
    """A question becomes a prompt."""

    render: Callable[[str], str]
    own_tokens: bool = False
    """Whether its text brings every special token along, the bos as well if there is to be one, so that the tokenizer adds none."""
    marks: tuple[str, ...] = ()
    """Texts of it that the model should know as one token each."""


TEMPLATES: Mapping[str, Callable[[PromptConfig, PreTrainedTokenizerFast], Template]] = FolderTable(
    "sspo.prompts.templates", "open_template"
)
