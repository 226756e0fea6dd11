"""The policy: a Hugging Face causal language model and its tokenizer, from a local folder only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from transformers import PreTrainedTokenizerFast
from transformers.utils.logging import disable_progress_bar

from sspo.errors import UserError
from sspo.identity import model_folder

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True, kw_only=True)
class Policy:
    """A model on its device, in evaluation mode for good: dropout would make ratios differ from one."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast
    eos_id: int
    pad_id: int

    def encode(self, prompt: str) -> list[int]:
        """Token ids of a prompt, begun with the beginning-of-sequence token where the tokenizer has one."""
        ids = list(self.tokenizer.encode(prompt))
        bos = self.tokenizer.bos_token_id
        return ids if bos is None or ids[:1] == [bos] else [bos, *ids]

    def decode(self, response_BT: torch.Tensor, mask_BT: torch.Tensor) -> list[str]:
        """Texts of responses without special tokens."""
        rows = [ids[mask].tolist() for ids, mask in zip(response_BT.cpu(), mask_BT.cpu(), strict=True)]
        return list(
            self.tokenizer.batch_decode(rows, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        )


def load_tokenizer(path: str) -> PreTrainedTokenizerFast:
    """The tokenizer of a model folder. Raises UserError where there is none, or it names no end token."""
    folder = model_folder(path)
    if (folder / "tokenizer.json").is_file():
        reader = PreTrainedTokenizerFast
    else:
        # It picks a class by model type and replaces the decoder that tokenizer.json names; and it is slow to import.
        from transformers import AutoTokenizer

        reader = AutoTokenizer
    try:
        tokenizer = reader.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        raise _unusable(path, "a tokenizer", error) from error
    if tokenizer.eos_token_id is None:
        raise UserError(f"model.path={path}: its tokenizer names no eos_token, so no response could ever end")
    return tokenizer


def load_policy(path: str, device: torch.device) -> Policy:
    """Read the folder's weights as float32. Raises UserError where there is no model or no end token.

    A response ends with the tokenizer's eos_token; further end tokens of a generation_config.json are not looked at.
    """
    from transformers import AutoModelForCausalLM  # seconds to import: only who runs a model waits for it

    disable_progress_bar()
    tokenizer = load_tokenizer(path)
    try:
        model = AutoModelForCausalLM.from_pretrained(
            model_folder(path), dtype=torch.float32, local_files_only=True
        )
    except (OSError, ValueError) as error:
        raise _unusable(path, "a causal language model", error) from error
    eos, pad = tokenizer.eos_token_id, tokenizer.pad_token_id
    return Policy(
        model=model.to(device).eval(), tokenizer=tokenizer, eos_id=eos, pad_id=eos if pad is None else pad
    )


def _unusable(path: str, what: str, error: Exception) -> UserError:
    reason = str(error).strip().splitlines()[0]
    return UserError(f"model.path={path}: cannot load {what} from it: {reason}")
