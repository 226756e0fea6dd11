"""A question becomes token ids: the words around it, then what the tokenizer puts before a text."""

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
    """A tokenizer with the words around a question."""

    tokenizer: PreTrainedTokenizerFast
    template: Template
    bos_id: int | None
    """What a prompt begins with."""
    appended: int
    """Tokens that the tokenizer puts after a text, and that a prompt does not have."""

    def ids(self, question: str) -> list[int]:
        """Token ids of a question's prompt: what its tokenizer puts before a text and nothing that it puts after one.

        A template that brings its own special tokens gets no others. Else the bos token comes first where there is one, also
        if the tokenizer adds none by itself; `add_bos_token: false` in tokenizer_config.json leaves it out.
        """
        prompt = self.template.render(question)
        if self.template.own_tokens:
            return list(self.tokenizer.encode(prompt, add_special_tokens=False))
        ids = list(self.tokenizer.encode(prompt))
        ids = ids[: len(ids) - self.appended]
        if self.bos_id is not None and ids[:1] != [self.bos_id]:
            ids = [self.bos_id, *ids]
        if self.bos_id is not None and ids[:2] == [self.bos_id] * 2:
            ids = ids[1:]  # the tokenizer put one before a text that began with it
        return ids

    def shown(self, question: str) -> str:
        """The prompt as the model gets it, special tokens and all."""
        return str(self.tokenizer.decode(self.ids(question), clean_up_tokenization_spaces=False))

    def remarks(self) -> list[str]:
        """What is worth a warning: a template written for another vocabulary."""
        encoded = {
            mark: self.tokenizer.encode(mark, add_special_tokens=False) for mark in self.template.marks
        }
        unknown = [
            mark for mark, ids in encoded.items() if len(ids) != 1 or ids[0] == self.tokenizer.unk_token_id
        ]
        if not unknown:
            return []
        return [
            f"warning: the prompt's template writes {' and '.join(unknown)}, which this model does not know as tokens: "
            "look at --show-prompt, and take prompt=chat or another template"
        ]


def open_encoder(path: str, prompt: PromptConfig) -> Encoder:
    """Read a model folder's tokenizer. Raises UserError where it cannot be read, or the template not be used with it."""
    tokenizer = read_tokenizer(path)
    return Encoder(
        tokenizer=tokenizer,
        template=open_template(prompt, tokenizer),
        bos_id=bos_of(path, model_folder(path), tokenizer),
        appended=appended_by(tokenizer),
    )
