"""The policy: a Hugging Face causal language model and its tokenizer, read only from a local folder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from transformers import PreTrainedTokenizerFast

from sspo.config import ModelConfig, PromptConfig
from sspo.errors import UserError
from sspo.models.attention import check_attention
from sspo.models.device import resolve_precision, slow_precision
from sspo.models.encoding import Encoder, open_encoder
from sspo.models.folder import model_folder
from sspo.models.loading import outlined_model, read_model, read_tokenizer
from sspo.models.lora import add_adapters
from sspo.models.positions import Positions, positions_of
from sspo.models.tokens import end_ids, response_texts, row_count

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True, kw_only=True)
class Policy:
    """A model on its device, permanently in evaluation mode: dropout would make ratios differ from one."""

    path: str
    """The model.path that it was read from, for messages."""
    model: PreTrainedModel
    encoder: Encoder
    end_ids: tuple[int, ...]
    """Every token that ends a response, the tokenizer's own first."""
    pad_id: int
    rows: int
    """Number of token ids that the model can read and produce."""
    positions: Positions
    precision: str = "float32"
    """Precision of forward passes."""
    remarks: Sequence[str] = ()
    """Warnings."""

    @property
    def tokenizer(self) -> PreTrainedTokenizerFast:
        """Return the model's tokenizer."""
        return self.encoder.tokenizer

    def encode(self, question: str) -> list[int]:
        """Return the token ids of a question's prompt. Raises UserError for a token without a row in the model."""
        ids = self.encoder.ids(question)
        if not ids or max(ids) >= self.rows:
            raise self._unreadable(question, ids)
        return ids

    def prompts(self, texts: Iterable[str], response: int) -> list[list[int]]:
        """Return prompts as `encode` makes them. Raises UserError for one that leaves no positions for `response`
        tokens.
        """
        rows = [self.encode(text) for text in texts]
        lack = self.positions.lack(max(map(len, rows)), response)
        if lack is not None and self.positions.hard:
            raise UserError(f"model.path={self.path}: {lack}")
        return rows

    def decode(self, response_BT: torch.Tensor, mask_BT: torch.Tensor) -> list[str]:
        """Return the texts of responses without special tokens and without the token that ended them."""
        rows = [ids[mask].tolist() for ids, mask in zip(response_BT.cpu(), mask_BT.cpu(), strict=True)]
        return response_texts(rows, self.tokenizer, self.end_ids)

    def _unreadable(self, prompt: str, ids: list[int]) -> UserError:
        if not ids:
            return UserError(
                f"model.path={self.path}: its tokenizer produces no tokens for the prompt '{prompt}'"
            )
        token = self.tokenizer.convert_ids_to_tokens(max(ids))
        return UserError(
            f"model.path={self.path}: the prompt '{prompt}' has token {max(ids)} ('{token}') and the model has {self.rows} "
            "tokens; tokenizer and weights belong to different models"
        )


def load_tokenizer(path: str) -> PreTrainedTokenizerFast:
    """Return the tokenizer of a model folder. Raises UserError if none can be read."""
    return read_tokenizer(path)


NO_TEMPLATE = PromptConfig()


def load_policy(config: ModelConfig, device: torch.device, prompt: PromptConfig = NO_TEMPLATE) -> Policy:
    """Read a model: its weights in float32, except that those frozen by adapters are in the precision of forward
    passes.

    Raises UserError in one sentence for a model that cannot be trained.
    """
    path, precision = config.path, resolve_precision(config.precision, device)
    check_attention(config.attention, device, precision)
    encoder = open_encoder(path, prompt)
    frozen = torch.bfloat16 if precision == "bfloat16" else torch.float32
    model, remarks = read_model(path, config.attention, frozen if config.lora.rank else torch.float32)
    if config.lora.rank:
        add_adapters(path, model, config.lora)
    said = [*remarks, *slow_precision(precision, device)]
    return _policy(path, model.to(device).eval(), encoder, precision, said)


def outlined_policy(path: str, prompt: PromptConfig, precision: str) -> Policy:
    """Return a policy that encodes prompts and has no weights, for a model that another process trains. Raises
    UserError.
    """
    encoder = open_encoder(path, prompt)
    return _policy(path, outlined_model(path), encoder, precision, [])


def _policy(
    path: str, model: PreTrainedModel, encoder: Encoder, precision: str, remarks: Sequence[str]
) -> Policy:
    tokenizer, rows = encoder.tokenizer, row_count(model)
    ends, pad = end_ids(path, model_folder(path), tokenizer, rows), tokenizer.pad_token_id
    return Policy(
        path=path,
        model=model,
        encoder=encoder,
        end_ids=ends,
        pad_id=pad if pad is not None and pad < rows else ends[0],  # always masked
        rows=rows,
        positions=positions_of(model),
        precision=precision,
        remarks=[*remarks, *_several_ends(tokenizer, ends), *encoder.remarks()],
    )


def _several_ends(tokenizer: PreTrainedTokenizerFast, ends: Sequence[int]) -> list[str]:
    if list(ends) == [tokenizer.eos_token_id]:
        return []
    named = [
        f"{token!r} ({i})" for i, token in zip(ends, tokenizer.convert_ids_to_tokens(list(ends)), strict=True)
    ]
    return [f"a response ends with {' or '.join(named)}, according to the model's folder"]
