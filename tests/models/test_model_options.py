"""Precision, attention, adapters and gradient checkpointing: each trains, changes what it says, and nothing else."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from sspo.compose.fast import quick_compose
from sspo.config import LoraConfig, ModelConfig, TrainConfig, TrainerConfig
from sspo.console.progress import Progress
from sspo.errors import UserError
from sspo.evaluate.request import read_request
from sspo.models import attention, device
from sspo.models.folder import model_folder
from sspo.models.forward import open_forward
from sspo.models.lora import has_adapters, linear_layers, trainable
from sspo.models.policy import Policy, load_policy
from sspo.models.reference import open_reference
from sspo.runs.tracking import NoTracker
from sspo.tasks.chain import ChainTask
from sspo.trainer.loop import Trainer
from sspo.trainer.probe import check_sampling
from sspo.types import Batch
from tests import tiny_models
from tests.trainer.runs import BARELY_SCORED, TINY, lines

CPU = torch.device("cpu")
SIZES: dict[str, dict[str, object]] = {
    "llama": {},
    "qwen2": {},
    "gpt2": {},
    "opt": {**tiny_models.SIZES, "ffn_dim": 64, "word_embed_proj_dim": 32, "dropout": 0.5},
}
"""Architectures of the tests; opt drops out in its layers themselves."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("models")
    return {kind: tiny_models.save(root / kind, kind, louder=3.0, **more) for kind, more in SIZES.items()}


def policy_of(folder: Path, **options: object) -> Policy:
    return load_policy(ModelConfig(path=str(folder), **options), CPU)


def rows() -> Batch:
    """Two rows, the second of them padded on both sides."""
    nothing_BT = torch.zeros(2, 5)
    generator = torch.Generator().manual_seed(0)
    mask_BT = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    return Batch(
        prompt_BL=torch.randint(200, (2, 4), generator=generator),
        prompt_mask_BL=torch.tensor([[True] * 4, [False] + [True] * 3]),
        response_BT=torch.randint(200, (2, 5), generator=generator),
        mask_BT=mask_BT,
        advantage_BT=nothing_BT,
        segment_id_BT=nothing_BT.long(),
        old_logp_BT=nothing_BT,
        entropy_BT=nothing_BT,
    )


def logp(policy: Policy) -> torch.Tensor:
    with torch.no_grad():
        return open_forward(policy, TrainerConfig()).token_logp(rows(), 1.0)[rows().mask_BT]


@pytest.mark.parametrize("kind", SIZES)
def test_layers_that_run_again_give_the_same_bits(folders: dict[str, Path], kind: str) -> None:
    policy = policy_of(folders[kind])
    gradients = []
    for again in (False, True):
        forward = open_forward(policy, TrainerConfig(gradient_checkpointing=again))
        forward.token_logp(rows(), 1.0)[rows().mask_BT].square().sum().backward()
        gradients.append([one.grad for _, one in trainable(policy.model)])
        policy.model.zero_grad()
    assert all(torch.equal(plain, again) for plain, again in zip(*gradients, strict=True))
    assert sum(float(one.norm()) for one in gradients[0]) > 0
    check_sampling(policy)  # whose cache is written, as no layer trains outside an update
    assert not any(module.training for module in policy.model.modules())


def test_an_architecture_whose_layers_cannot_run_again_is_one_sentence(folders: dict[str, Path]) -> None:
    policy = policy_of(folders["llama"])
    bare = replace(policy, model=torch.nn.Linear(1, 1))
    bare.model.config = policy.model.config
    with pytest.raises(
        UserError, match="gradient_checkpointing=true: the layers of architecture llama cannot"
    ):
        open_forward(bare, TrainerConfig(gradient_checkpointing=True))


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_fresh_adapters_change_nothing_and_every_run_starts_with_the_same(
    folders: dict[str, Path], kind: str
) -> None:
    ambient = torch.get_rng_state()
    policy, base = policy_of(folders[kind], lora=LoraConfig(rank=4)), policy_of(folders[kind])
    assert torch.equal(torch.get_rng_state(), ambient)
    assert torch.equal(logp(policy), logp(base))
    names = [name for name, _ in trainable(policy.model)]
    assert len(names) == 2 * len(linear_layers(base.model)) > 0  # A and B of each
    assert not [name for name in names if ".lora_" not in name or "lm_head" in name]
    torch.manual_seed(1)
    again = policy_of(folders[kind], lora=LoraConfig(rank=4))
    for (_, one), (_, other) in zip(trainable(policy.model), trainable(again.model), strict=True):
        assert torch.equal(one, other)


def test_an_adapter_adds_alpha_over_rank_and_the_reference_does_without(folders: dict[str, Path]) -> None:
    """Oracle: W + alpha / rank B A, put into the base itself."""
    policy = policy_of(folders["llama"], lora=LoraConfig(rank=2, alpha=6.0, targets=("q_proj", "down_proj")))
    base = policy_of(folders["llama"])
    before, merged = logp(base), copy.deepcopy(base)
    parameters = dict(policy.model.named_parameters())
    assert len(list(trainable(policy.model))) == 2 * 2 * 2  # layers x targets x matrices
    with torch.no_grad():
        for name, second in parameters.items():
            if ".lora_B." in name:
                second.normal_(generator=torch.Generator().manual_seed(len(name)))
                first = parameters[name.replace(".lora_B.", ".lora_A.")]
                layer = merged.model.get_submodule(name.partition(".lora_B.")[0])
                layer.weight += 6.0 / 2 * second @ first
    assert torch.allclose(logp(policy), logp(merged), atol=1e-5)
    assert not torch.allclose(logp(policy), before, atol=1e-2)
    config = TrainConfig(model=ModelConfig(path=str(folders["llama"])))
    for one, other in ((policy, before), (base, before)):
        assert torch.equal(open_reference(one, config).token_logp(rows(), 1.0)[rows().mask_BT], other)
    assert [has_adapters(one.model) for one in (policy, base)] == [True, False]
    assert len(list(trainable(policy.model))) == 8  # still


def test_frozen_weights_are_held_in_the_precision_of_forward_passes(folders: dict[str, Path]) -> None:
    policy = policy_of(folders["llama"], precision="bfloat16", lora=LoraConfig(rank=4))
    held = {one.requires_grad: one.dtype for one in policy.model.parameters()}
    assert held == {True: torch.float32, False: torch.bfloat16}
    full = policy_of(folders["llama"], precision="bfloat16")
    assert {one.dtype for one in full.model.parameters()} == {torch.float32}
    exact = logp(policy_of(folders["llama"]))
    for one in (policy, full):
        # 8 bits of mantissa: apart by more than float32's rounding, and by less than the rows depend on each other
        assert 1e-5 < float((logp(one) - exact).abs().max()) < 0.5
        check_sampling(one)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (
            {"lora": LoraConfig(rank=4, targets=("q_porj",))},
            "'q_porj' is not a linear layer of the model.*nearest is q_proj",
        ),
        (
            {"lora": LoraConfig(rank=4, targets=("q_proj", "lm_head"))},
            "'lm_head' is not a linear layer of the model .the head does not count",
        ),
        ({"attention": "flash_attention_2"}, "flash_attention_2 trains only on CUDA, and the device is cpu"),
        ({"attention": "flex_attention"}, "flex_attention trains only on CUDA"),
    ],
)
def test_what_the_model_or_the_machine_lacks_is_one_sentence(
    folders: dict[str, Path], options: dict[str, object], why: str
) -> None:
    with pytest.raises(UserError, match=why):
        policy_of(folders["llama"], **options)


def test_attention_is_the_one_that_was_asked_for(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    eager = policy_of(folders["llama"], attention="eager")
    assert eager.model.config._attn_implementation == "eager"
    assert torch.allclose(logp(eager), logp(policy_of(folders["llama"])), atol=1e-5)
    with pytest.raises(
        UserError, match=r"with model\.attention=sdpa from it: MptForCausalLM does not support"
    ):
        policy_of(tiny_models.save(tmp_path / "mpt", "mpt"), attention="sdpa")
    with pytest.raises(UserError, match=r"does not support model\.attention=sdpa and would use eager"):
        attention.check_taken("x", "sdpa", "eager")
    cuda = torch.device("cuda")
    with pytest.raises(UserError, match="computes only in bfloat16, and the precision is float32"):
        attention.check_attention("flash_attention_2", cuda, "float32")
    monkeypatch.setattr(attention.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(UserError, match="requires the package flash-attn"):
        attention.check_attention("flash_attention_2", cuda, "bfloat16")


def test_bfloat16_where_a_device_computes_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = torch.device("cuda")
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "Tesla T4")
    for able, auto in ((True, "bfloat16"), (False, "float32")):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda able=able, **_: able)
        assert device.resolve_precision("auto", cuda) == auto
    with pytest.raises(UserError, match="bfloat16, but Tesla T4 does not support it"):
        device.resolve_precision("bfloat16", cuda)
    assert device.resolve_precision("bfloat16", CPU) == "bfloat16"
    for capable, said in ((True, 0), (False, 1)):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda capable=capable: {"avx512_bf16": capable})
        assert len(device.slow_precision("bfloat16", CPU)) == said


@pytest.mark.parametrize(
    "options",
    [
        ("model.lora.rank=4", "objective.kl.coef=0.1", "trainer.lr=0.001"),
        pytest.param(("model.precision=bfloat16",), marks=pytest.mark.acceptance),
        pytest.param(("trainer.gradient_checkpointing=true",), marks=pytest.mark.acceptance),
    ],
)
def test_a_run_of_two_rollouts_learns(
    options: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ChainTask, "eval_sets", ("short",))  # five take seconds
    short = ("trainer.rollouts=2", "trainer.samples_every=0", "trainer.checkpoint_every=0")
    path = f"model.path={model_folder('embedded')}"  # which answers, so that something is learned
    config = quick_compose([*TINY, *BARELY_SCORED, *short, path, "run.device=cpu", *options])
    trainer = Trainer(config, tmp_path, Progress("test"))
    before = {name: one.detach().clone() for name, one in trainer.model.named_parameters()}
    trainable_names = {name for name, _ in trainable(trainer.model)}
    trainer.run(NoTracker())
    steps = lines(tmp_path / "metrics.jsonl")
    assert len(steps) == 4
    assert all(step["optim/grad_norm"] > 0 for step in steps)
    assert len({step["policy/loss"] for step in steps}) == 4
    moved = {name for name, one in trainer.model.named_parameters() if not torch.equal(one, before[name])}
    assert moved == trainable_names
    environment = json.loads((tmp_path / "env.json").read_text())
    adapted = config.model.lora.rank > 0
    assert {"peft", "accelerate"} & environment["versions"].keys() == (
        {"peft", "accelerate"} if adapted else set()
    )
    assert environment["hardware"]["forward_dtype"] == trainer.policy.precision
    assert environment["hardware"]["attention"] == "sdpa"
    if adapted:
        assert steps[-1]["policy/kl_reference"] > steps[0]["policy/kl_reference"] == 0


def test_evaluations_of_a_base_refuse_adapters() -> None:
    with pytest.raises(UserError, match=r"model\.lora\.rank has no effect on an evaluation"):
        read_request(["model=embedded", "model.lora.rank=4"])


@pytest.mark.acceptance
def test_a_run_without_adapters_does_not_import_their_package(folders: dict[str, Path]) -> None:
    code = (
        "import sys, torch; from sspo.config import ModelConfig; from sspo.models.policy import load_policy; "
        f"load_policy(ModelConfig(path={str(folders['llama'])!r}), torch.device('cpu')); sys.exit('peft' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
