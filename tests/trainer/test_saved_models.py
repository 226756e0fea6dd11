"""The model in a checkpoint: transformers loads it, and what it gives is the policy's to the last bit."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
import torch
from peft import LoraConfig
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from sspo.config import ModelConfig, TrainerConfig
from sspo.errors import UserError
from sspo.models.folder import base_fingerprint
from sspo.models.policy import Policy, load_policy
from sspo.trainer import checkpoint_files, saved_model
from sspo.trainer.checkpoint import Checkpoints, RunState
from sspo.trainer.optim import apply_gradients, build_optimizer, check_finite, check_optimizer, trained
from sspo.trainer.saved_model import SavedModel, load_weights
from tests.tiny_models import END, described, fast, letters, save

CPU = torch.device("cpu")
IDS = torch.tensor([[72, 105, 33, 7, 200, 9]])
KINDS = {
    "qwen2": {},
    "llama": {"tie_word_embeddings": True},
    "gpt2": {},
    "mixtral": {"num_local_experts": 4, "num_experts_per_tok": 2},  # saved in other pieces than it is run
    "qwen2_moe": {
        "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16, "shared_expert_intermediate_size": 16,
    },
}  # fmt: skip
TEMPLATE = "{% for message in messages %}<{{ message.content }}>{% endfor %}"


def policy_of(folder: Path, kind: str = "qwen2", seed: int = 0, **options: object) -> Policy:
    """A tiny model; its weights are shaken by `seed`, unless that is 0."""
    if not folder.exists():
        tokenizer = fast(letters(END))
        tokenizer.chat_template = TEMPLATE
        save(folder, kind, tokenizer, **options)
    policy = load_policy(ModelConfig(path=str(folder)), CPU)
    return shaken(policy, seed) if seed else policy


def shaken(policy: Policy, seed: int) -> Policy:
    numbers = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in trained(policy.model):
            weight.add_(torch.randn(weight.shape, generator=numbers) * 0.1)
    return policy


def adapted(policy: Policy, seed: int = 4) -> Policy:
    """The policy with adapters on its attention, which `seed` shakes."""
    lora = LoraConfig(r=2, lora_alpha=8, target_modules=["v_proj", "q_proj"])
    policy.model.add_adapter(lora)
    policy.model.eval()
    return shaken(policy, seed)


@torch.no_grad()
def logits(model: torch.nn.Module) -> torch.Tensor:
    return model(IDS).logits


def saved(policy: Policy, folder: Path) -> Path:
    folder.mkdir(parents=True)
    SavedModel(policy).write(folder)
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_transformers_loads_a_checkpoint_and_its_tokenizer_and_gives_the_policys_logits(kind, tmp_path):
    policy = policy_of(tmp_path / "base", kind, seed=1, **KINDS[kind])
    folder = saved(policy, tmp_path / "saved")
    assert json.loads((folder / "config.json").read_text())["dtype"] == "float32"
    assert json.loads((folder / "generation_config.json").read_text())["eos_token_id"] == policy.end_ids[0]
    read = AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=False)
    assert torch.equal(logits(read), logits(policy.model))
    index = json.loads((folder / "model.safetensors.index.json").read_text())
    assert index["weight_map"] == dict.fromkeys(load_file(folder / "model.safetensors"), "model.safetensors")
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    assert tokenizer("2 + 2 = 4")["input_ids"] == policy.tokenizer("2 + 2 = 4")["input_ids"]
    chat = [{"role": "user", "content": "2 + 2"}]
    assert tokenizer.apply_chat_template(chat, tokenize=False) == "<2 + 2>"
    assert torch.equal(logits(load_policy(ModelConfig(path=str(folder)), CPU).model), logits(policy.model))
    other = policy_of(tmp_path / "base", kind, seed=2, **KINDS[kind])
    assert not torch.equal(logits(other.model), logits(policy.model))
    load_weights(folder, other.model)
    for name, weight in policy.model.named_parameters():
        assert torch.equal(weight, other.model.get_parameter(name)), name


def test_a_large_model_lies_in_several_files_and_they_are_its_weights(tmp_path, monkeypatch):
    monkeypatch.setattr(saved_model, "SHARD", "20KB")
    policy = policy_of(tmp_path / "base", seed=1)
    checkpoint_files.add(tmp_path / "run", 1, lambda folder: _written(policy, folder), {}, keep=2)
    folder = tmp_path / "run" / "rollout000001"
    files = checkpoint_files.weight_files(folder)
    assert len(files) > 1
    assert checkpoint_files.flaw(folder) is None
    before = checkpoint_files.weights_digest(folder)
    other = policy_of(tmp_path / "base", seed=2)
    load_weights(folder, other.model)
    assert torch.equal(logits(other.model), logits(policy.model))
    assert torch.equal(
        logits(AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=False)), logits(policy.model)
    )
    checkpoint_files.add(tmp_path / "run", 2, lambda folder: _written(shaken(policy, 3), folder), {}, keep=2)
    assert checkpoint_files.weights_digest(tmp_path / "run" / "rollout000002") != before
    files[-1].unlink()
    assert checkpoint_files.flaw(folder) == f"its {files[-1].name} has changed since it was written"


def _written(policy: Policy, folder: Path) -> None:
    SavedModel(policy).write(folder)
    for name in (checkpoint_files.OPTIMIZER, checkpoint_files.STATE):
        (folder / name).touch()


def test_of_adapters_they_alone_are_saved_with_the_name_of_their_base(tmp_path, monkeypatch):
    policy = adapted(policy_of(tmp_path / "base"), seed=1)
    monkeypatch.chdir(tmp_path)
    folder = saved(Policy(**{**vars(policy), "path": "base"}), tmp_path / "saved")
    assert [path.name for path in checkpoint_files.weight_files(folder)] == ["adapter_model.safetensors"]
    named = json.loads((folder / "adapter_config.json").read_text())
    assert (named["base_model_name_or_path"], named["target_modules"]) == (
        str(tmp_path / "base"),
        ["q_proj", "v_proj"],
    )
    # from_pretrained takes the base from adapter_config.json only where there is no config.json
    assert not (folder / "config.json").exists()
    assert torch.equal(
        logits(AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=False)), logits(policy.model)
    )
    assert (
        AutoTokenizer.from_pretrained(folder, trust_remote_code=False)("2")["input_ids"]
        == policy.tokenizer("2")["input_ids"]
    )
    # our own reading merges them: the same up to rounding, some 1e-7 of logits of about 1
    merged = load_policy(ModelConfig(path=str(folder)), CPU)
    assert merged.end_ids == policy.end_ids
    assert torch.allclose(logits(merged.model), logits(policy.model), atol=1e-5)
    assert not torch.allclose(logits(policy_of(tmp_path / "base").model), logits(policy.model), atol=1e-2)
    with pytest.raises(UserError, match=r"is a folder of adapters, and model\.lora would train more"):
        SavedModel(adapted(merged))
    other = adapted(policy_of(tmp_path / "base"), seed=2)
    assert not torch.equal(logits(other.model), logits(policy.model))
    load_weights(folder, other.model)
    assert torch.equal(logits(other.model), logits(policy.model))
    with pytest.raises(UserError, match=r"differ from those that the model trains .* set model\.lora"):
        load_weights(folder, policy_of(tmp_path / "base").model)
    with pytest.raises(UserError, match=r"differ from those that the model trains"):
        load_weights(tmp_path / "base", other.model)


def test_adapters_of_a_model_of_the_hub_name_it_and_its_commit(tmp_path):
    policy = adapted(policy_of(tmp_path / "base"))
    model = SavedModel(policy)
    commit = "0123456789abcdef0123456789abcdef01234567"
    model.policy = Policy(**{**vars(policy), "path": f"owner/name@{commit}"})
    (tmp_path / "saved").mkdir()
    model.write(tmp_path / "saved")
    named = json.loads((tmp_path / "saved" / "adapter_config.json").read_text())
    assert (named["base_model_name_or_path"], named["revision"]) == ("owner/name", commit)


def test_adapters_of_gpt2_whose_layers_lie_the_other_way_round_are_merged_too(tmp_path):
    policy = policy_of(tmp_path / "base", "gpt2")
    policy.model.add_adapter(LoraConfig(r=2, lora_alpha=8, target_modules=["c_attn"], fan_in_fan_out=True))
    shaken(policy, 1)
    folder = saved(policy, tmp_path / "saved")
    merged = load_policy(ModelConfig(path=str(folder)), CPU).model
    assert torch.allclose(logits(merged), logits(policy.model), atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"use_dora": True}, "adapters with use_dora=True are not read"),
        (
            {"init_lora_weights": "pissa"},
            "adapters with init_lora_weights=pissa are not read",
        ),  # its base is not the base
        ({"alora_invocation_tokens": [1]}, r"adapters with alora_invocation_tokens=\[1\] are not read"),
        ({"base_model_name_or_path": None}, "names no base"),
        ({"r": 0}, "lacks r or lora_alpha"),
        ({"base_model_name_or_path": "saved"}, "its base saved is a folder of adapters too"),
        ({"base_model_name_or_path": "nowhere"}, "model.path=nowhere: there is no folder nowhere"),
    ],
)
def test_adapters_that_cannot_be_merged_are_one_sentence(changes, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = saved(adapted(policy_of(tmp_path / "base")), tmp_path / "saved")
    described(folder, name="adapter_config.json", **changes)
    with pytest.raises(UserError, match=said):
        load_policy(ModelConfig(path="saved"), CPU)


def test_what_training_leaves_beside_a_model_is_no_part_of_its_name(tmp_path):
    whole = saved(policy_of(tmp_path / "base", seed=1), tmp_path / "whole")
    adapters = saved(adapted(policy_of(tmp_path / "base")), tmp_path / "adapters")
    names = set()
    for folder in (whole, adapters):
        name = base_fingerprint.__wrapped__(str(folder))
        (folder / checkpoint_files.STATE).write_text('{"seconds": 3.5}')
        (folder / checkpoint_files.OPTIMIZER).write_text("moments")
        assert base_fingerprint.__wrapped__(str(folder)) == name
        names.add(name)
    described(adapters, name="adapter_config.json", lora_alpha=9)
    names.add(base_fingerprint.__wrapped__(str(adapters)))
    assert len(names) == 3


def steps(policy: Policy, optimizer: torch.optim.Optimizer, config: TrainerConfig, numbers: range) -> None:
    """Optimiser steps from gradients that their number says."""
    for number in numbers:
        drawn = torch.Generator().manual_seed(number)
        for weight in trained(policy.model):
            weight.grad = torch.randn(weight.shape, generator=drawn)
        apply_gradients(policy.model, optimizer, config, number)
        check_finite(policy.model, number)


EIGHT_BIT = pytest.param(
    "adamw_8bit",
    marks=pytest.mark.skipif(
        importlib.util.find_spec("bitsandbytes") is None, reason="no bitsandbytes: run `make setup-8bit`"
    ),
)


@pytest.mark.parametrize("kind", ["adamw", "adamw_fused", EIGHT_BIT])
@pytest.mark.parametrize("adapters", [False, True])
def test_a_continued_optimiser_takes_the_steps_of_an_undisturbed_one(kind, adapters, tmp_path):
    config = TrainerConfig(optimizer=kind, warmup_steps=3, weight_decay=0.1)
    # 8-bit moments begin at 4,096 numbers: 300 x 32 of the embedding are beyond, 32 of a norm below
    fresh = lambda: policy_of(tmp_path / "base", hidden_size=32, rows=300)  # noqa: E731
    policy = adapted(fresh()) if adapters else fresh()
    optimizer = build_optimizer(policy.model, config)
    checkpoints = Checkpoints(tmp_path / "run", policy, optimizer, 2, lambda said: None)
    steps(policy, optimizer, config, range(1, 3))
    checkpoint_files.add(
        checkpoints.folder,
        1,
        lambda folder: checkpoints._write(folder, RunState(rollouts=1, steps=2)),
        {},
        keep=2,
    )
    steps(policy, optimizer, config, range(3, 5))
    again = adapted(fresh(), seed=5) if adapters else fresh()
    continued = build_optimizer(again.model, config)
    other = Checkpoints(tmp_path / "run", again, continued, 2, lambda said: None)
    assert other.load(other.choose()) == RunState(rollouts=1, steps=2)
    steps(again, continued, config, range(3, 5))
    kept = {name for name, weight in policy.model.named_parameters() if weight.requires_grad}
    assert len(kept) == len(optimizer.state) == len(continued.state)
    assert not adapters or all("lora_" in name for name in kept)
    for name, weight in policy.model.named_parameters():
        mine = again.model.get_parameter(name)
        assert torch.equal(weight, mine), name
        for key, value in optimizer.state.get(weight, {}).items():
            got = continued.state[mine][key]
            assert type(got) is type(value)
            assert torch.equal(torch.as_tensor(got), torch.as_tensor(value)), (name, key)
    large = [
        one
        for one in optimizer.state.values()
        if any(v.dtype == torch.uint8 for k, v in one.items() if k != "step")
    ]
    assert bool(large) == (kind == "adamw_8bit" and not adapters)


def test_a_checkpoint_of_before_models_were_saved_whole_still_continues(tmp_path):
    policy = policy_of(tmp_path / "base", seed=1)
    config = TrainerConfig()
    optimizer = build_optimizer(policy.model, config)
    checkpoints = Checkpoints(tmp_path / "run", policy, optimizer, 2, lambda said: None)
    steps(policy, optimizer, config, range(1, 3))

    def fill(folder: Path) -> None:
        checkpoints._write(folder, RunState(rollouts=4))
        for path in folder.iterdir():
            if path.name not in (checkpoint_files.OPTIMIZER, checkpoint_files.STATE):
                path.unlink()
        bare = {name: weight.detach() for name, weight in policy.model.named_parameters()}
        save_file(bare, folder / checkpoint_files.MODEL)

    checkpoint_files.add(checkpoints.folder, 4, fill, {}, keep=2)
    folder = checkpoints.folder / "rollout000004"
    assert len((folder / "SHA256SUMS").read_text().splitlines()) == 4
    again = policy_of(tmp_path / "base", seed=2)
    other = Checkpoints(tmp_path / "run", again, build_optimizer(again.model, config), 2, lambda said: None)
    assert other.load(other.choose()) == RunState(rollouts=4)
    assert torch.equal(logits(again.model), logits(policy.model))
    listed = dict(line.split("  ")[::-1] for line in (folder / "SHA256SUMS").read_text().splitlines())
    assert checkpoint_files.weights_digest(folder) == listed[checkpoint_files.MODEL]


def test_without_its_package_the_8_bit_optimiser_is_one_sentence(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    check_optimizer(TrainerConfig())
    with pytest.raises(UserError, match="run `make setup-8bit`"):
        check_optimizer(TrainerConfig(optimizer="adamw_8bit"))
