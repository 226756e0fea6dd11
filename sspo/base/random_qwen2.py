"""`python -m sspo.base.random_qwen2 FOLDER`: write a random model of Qwen2's shape and vocabulary, to test studies of
real models.

It has 1.8 M parameters, nearly all of them embeddings of 151,936 tokens. Its layers are random; its embeddings and its
head are set so that it writes a few words and then a digit in a box, which is sometimes the right answer. Rewards
therefore differ, segments end, and updates have an effect, as with a more capable model.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sspo.base.qwen_vocabulary import END, qwen_tokenizer
from sspo.errors import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast, Qwen2ForCausalLM

VOCABULARY = 151_936
"""Rows of Qwen2.5's embeddings: its pieces and special tokens, and some that no text uses."""
HIDDEN = 6
SEED = 0
NOISE = 0.02
"""Standard deviation of all other weights."""
LOGIT = 6.0
"""Added to the logit of a token that may follow in the chain: enough to outweigh all others together."""
CHAIN: Sequence[tuple[Sequence[str], Sequence[str]]] = (
    (("\n", ",", " so", " we", " get"), (",", " so", " we", " get", "\n", "\\")),
    (("\\",), ("boxed",)),
    (("boxed",), ("{",)),
    (("{",), tuple("0123456789")),
    (tuple("0123456789"), ("}",)),
    (("}", "."), (".", END)),
)
"""Tokens of a position in the chain, and tokens that may follow them."""


def write_folder(folder: Path) -> None:
    """Write the model and its tokenizer; the folder appears completely or not at all. Raises UserError if it cannot be
    written.
    """
    from transformers.utils import logging

    logging.disable_progress_bar()
    tokenizer = qwen_tokenizer()
    new = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    build_model(tokenizer).save_pretrained(new)
    tokenizer.save_pretrained(new)
    shutil.rmtree(folder, ignore_errors=True)
    new.rename(folder)


def build_model(tokenizer: PreTrainedTokenizerFast) -> Qwen2ForCausalLM:
    """Return the model, with the same bits at every call; the caller's random state is unchanged."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    config = Qwen2Config(
        vocab_size=VOCABULARY,
        hidden_size=HIDDEN,
        intermediate_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=4,
        max_position_embeddings=4096,
        tie_word_embeddings=False,
        bos_token_id=tokenizer.eos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        model = Qwen2ForCausalLM(config)
        embedding_VH, head_VH = model.model.embed_tokens.weight.data, model.lm_head.weight.data
        for weight in (embedding_VH, head_VH):
            weight.normal_(std=NOISE)
    for place, (before, after) in enumerate(CHAIN):
        for piece in before:
            embedding_VH[_id_of(tokenizer, piece), place] = 1.0
        for piece in after:
            head_VH[_id_of(tokenizer, piece), place] = LOGIT
    return model


def _id_of(tokenizer: PreTrainedTokenizerFast, piece: str) -> int:
    """Return the single token of a piece of text."""
    ids: list[int] = tokenizer.encode(piece, add_special_tokens=False)
    assert len(ids) == 1, (piece, ids)
    return ids[0]


def main() -> None:
    """Write the folder that the command line names; exit status 2 if it cannot be written."""
    parser = argparse.ArgumentParser(
        prog="python -m sspo.base.random_qwen2",
        description="Write a random model of Qwen2's shape and vocabulary.",
    )
    parser.add_argument("folder", type=Path, help="output folder; an existing one is replaced")
    folder = parser.parse_args().folder
    try:
        write_folder(folder)
    except UserError as error:
        parser.error(str(error))
    print(f"{folder}: a random model of Qwen2's shape; train it with model.path={folder}")


if __name__ == "__main__":
    main()
