"""Model folders of random weights, made in a fraction of a second: one for each thing that a folder may have or lack."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

from sspo.models.folder import model_folder

END = "<|end|>"
SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
ATTENTION = {**SIZES, "intermediate_size": 64, "num_key_value_heads": 1, "head_dim": 16}
GPT2 = {"n_embd": 32, "n_layer": 2, "n_head": 2}
MPT = {"d_model": 32, "n_layers": 2, "n_heads": 2}
LINEAR = {
    "layer_types": ["linear_attention", "full_attention"],
    "linear_num_value_heads": 2,
    "linear_num_key_heads": 2,
    "linear_key_head_dim": 8,
    "linear_value_head_dim": 8,
}
MAMBA = {"mamba_d_state": 8, "mamba_d_conv": 4, "mamba_expand": 2}
MAMBA2 = {**MAMBA, "mamba_n_heads": 4, "mamba_d_head": 16, "mamba_n_groups": 1, "mamba_chunk_size": 8}
HYBRIDS: dict[str, dict] = {
    "qwen3_next": {**ATTENTION, **LINEAR, "num_experts": 0},
    "qwen3_5_text": {**ATTENTION, **LINEAR},
    "lfm2": {**ATTENTION, "layer_types": ["conv", "full_attention"], "block_multiple_of": 8},
    "falcon_h1": {**ATTENTION, **MAMBA2, "mamba_d_ssm": 64},
    "jamba": {
        **ATTENTION,
        **MAMBA,
        "mamba_dt_rank": 4,
        "num_experts": 1,
        "attn_layer_period": 2,
        "attn_layer_offset": 1,
        "use_mamba_kernels": False,
    },
    "bamba": {**ATTENTION, **MAMBA2, "attn_layer_indices": [1]},
    "granitemoehybrid": {
        **ATTENTION,
        **MAMBA2,
        "layer_types": ["mamba", "attention"],
        "num_local_experts": 0,
        "shared_intermediate_size": 64,
    },
    "nemotron_h": {
        **ATTENTION,
        "hybrid_override_pattern": "M*",
        "ssm_state_size": 8,
        "mamba_num_heads": 4,
        "mamba_head_dim": 16,
        "n_groups": 1,
        "chunk_size": 8,
    },
    "zamba2": {
        **ATTENTION,
        "mamba_d_state": 8,
        "mamba_ngroups": 1,
        "n_mamba_heads": 4,
        "chunk_size": 8,
        "layers_block_type": ["mamba", "hybrid"],
        "num_mem_blocks": 1,
        "use_mem_rope": True,
    },
}
"""Architectures that keep attention beside states of another kind, with options small enough for a test."""


def letters(*special: str, vocabulary: tuple[tuple[str, int], ...] = ()) -> Tokenizer:
    """A tokenizer with a token for each byte, then the named tokens."""
    pieces = {piece: i for i, piece in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    tokenizer = Tokenizer(models.BPE({**pieces, **dict(vocabulary)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(list(special))
    return tokenizer


def fast(tokenizer: Tokenizer, eos: str | None = END, **named: object) -> PreTrainedTokenizerFast:
    """The same as transformers has it."""
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=eos, **named)


def save(
    folder: Path,
    kind: str = "llama",
    tokenizer: PreTrainedTokenizerFast | None = None,
    *,
    rows: int | None = None,
    louder: float = 1.0,
    **config: object,
) -> Path:
    """A folder of random weights; matrices are `louder` times as large, so that the past matters."""
    tokenizer = tokenizer or fast(letters(END))
    options = {**{"gpt2": GPT2, "mpt": MPT}.get(kind, HYBRIDS.get(kind, ATTENTION)), **config}
    options.setdefault("eos_token_id", tokenizer.eos_token_id)
    torch.manual_seed(0)
    described = AutoConfig.for_model(
        kind, vocab_size=rows or len(tokenizer), bos_token_id=None, pad_token_id=None, **options
    )
    model = AutoModelForCausalLM.from_config(described, trust_remote_code=False)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.mul_(louder)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def two_ends(folder: Path) -> Path:
    """The embedded base, which ends with <eos>; its tokenizer names another end, and generation_config.json both."""
    shutil.copytree(model_folder("embedded"), folder)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder, trust_remote_code=False)
    old = tokenizer.eos_token_id
    tokenizer.add_tokens(["<end>"], special_tokens=True)
    tokenizer.eos_token = "<end>"  # noqa: S105
    model = AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=False)
    model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    rows = model.get_output_embeddings().weight
    with torch.no_grad():
        rows[-1] = rows[tokenizer.pad_token_id]  # which is hardly ever sampled
    model.generation_config.eos_token_id = [tokenizer.eos_token_id, old]
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def ends_texts(folder: Path) -> Path:
    """A tokenizer that puts <s> before a text and </s> after it."""
    tokenizer = letters("<s>", "</s>")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 256), ("</s>", 257)]
    )
    return save(folder, tokenizer=fast(tokenizer, "</s>", bos_token="<s>"))  # noqa: S106


def without(folder: Path, weight: str) -> Path:
    """The folder with one of its weights taken out."""
    weights = load_file(folder / "model.safetensors")
    del weights[weight]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def described(folder: Path, name: str = "config.json", **changes: object) -> Path:
    """The folder with config.json changed, or another file that describes it."""
    path = folder / name
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return folder
