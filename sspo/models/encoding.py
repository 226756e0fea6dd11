"""Questions to token ids: the prompt template, then the tokens that the tokenizer puts before a text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sspo.config import PromptConfig
from sspo.models.folder import model_folder
from sspo.models.loading import read_tokenizer
from sspo.models.tokens import appended_by, bos_of
from sspo.prompts import open_template

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from sspo.prompts.templates import Template


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """A tokenizer with a prompt template."""

    tokenizer: PreTrainedTokenizerFast
    template: Template
    bos_id: int | None
    """First token of a prompt."""
    appended: int
    """Number of tokens that the tokenizer appends to a text, and that a prompt does not have."""

    def ids(self, question: str) -> list[int]:
        """Return the token ids of a question's prompt: with the tokens that its tokenizer puts before a text, and
        without those that it appends.

        A template with special tokens of its own gets no others. Otherwise the bos token, if any, comes first, even if
        the tokenizer does not add it; `add_bos_token: false` in tokenizer_config.json omits it.
        """
        prompt = self.template.render(question)
        if self.template.own_tokens:
            return list(self.tokenizer.encode(prompt, add_special_tokens=False))
        ids = list(self.tokenizer.encode(prompt))
        ids = ids[: len(ids) - self.appended]
        if self.bos_id is not None and ids[:1] != [self.bos_id]:
            ids = [self.bos_id, *ids]
        if self.bos_id is not None and ids[:2] == [self.bos_id] * 2:
            ids = ids[1:]  # the tokenizer added a second one to a text that began with it
        return ids

    def shown(self, question: str) -> str:
        """Return the prompt as the model receives it, including special tokens."""
        return str(self.tokenizer.decode(self.ids(question), clean_up_tokenization_spaces=False))

    def remarks(self) -> list[str]:
        """Return a warning if the template was written for a different vocabulary."""
        encoded = {
            mark: self.tokenizer.encode(mark, add_special_tokens=False) for mark in self.template.marks
        }
        unknown = [
            mark for mark, ids in encoded.items() if len(ids) != 1 or ids[0] == self.tokenizer.unk_token_id
        ]
        if not unknown:
            return []
        return [
            f"warning: the prompt's template writes {' and '.join(unknown)}, which are not tokens of this model: "
            "check --show-prompt, and use prompt=chat or another template"
        ]


def open_encoder(path: str, prompt: PromptConfig) -> Encoder:
    """Read a model folder's tokenizer. Raises UserError if it cannot be read or does not fit the template."""
    tokenizer = read_tokenizer(path)
    return Encoder(
        tokenizer=tokenizer,
        template=open_template(prompt, tokenizer),
        bos_id=bos_of(path, model_folder(path), tokenizer),
        appended=appended_by(tokenizer),
    )
