"""What a run is expected to take of memory: shapes from files, an estimate held against real runs, and what is said of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from sspo.compose.fast import quick_compose
from sspo.models.decode import lean
from sspo.models.lean.layout import layout_of
from sspo.models.memory.engine import engine_cache_bytes, smaller_cache
from sspo.models.memory.estimate import estimate
from sspo.models.memory.headers import Header
from sspo.models.memory.machine import Room, room_of
from sspo.models.memory.said import Expected, out_of_memory
from sspo.models.memory.savings import largest_savings
from sspo.models.memory.shape import NoShape, Shape, read_shape, shape_of
from sspo.models.policy import load_policy
from tests import tiny_models as tiny

ROOT = Path(__file__).resolve().parents[2]
GIB = 2**30
SMOLLM2 = Shape(
    parameters=134_515_008,
    layers=30,
    hidden=576,
    heads=9,
    kv_heads=3,
    head_dim=64,
    intermediate=1536,
    vocabulary=49_152,
)
SHORT = (
    "tracking=none", "run.device=cpu", "rollout.decode=plain", "trainer.rollouts=1", "trainer.samples_every=0",
    "evaluation.every=0", "evaluation.questions=1", "evaluation.samples=1", "evaluation.temperatures=[]", "evaluation.max_tokens=8",
)  # fmt: skip


@pytest.mark.parametrize("kind", ["llama", "gpt2", "mpt"])
def test_parameters_are_counted_as_the_model_has_them(tmp_path, kind):
    from transformers import AutoModelForCausalLM

    folder = tiny.save(tmp_path / "m", kind)
    model = AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=False)
    model.save_pretrained(tmp_path / "shards", max_shard_size="40KB")
    (tmp_path / "shards" / "config.json").write_text((folder / "config.json").read_text())
    assert len(list((tmp_path / "shards").glob("*.safetensors"))) > 1
    for one in (folder, tmp_path / "shards"):
        shape = read_shape("m", one)
        assert isinstance(shape, Shape)
        assert shape.parameters == sum(weight.numel() for weight in model.parameters())
        assert (shape.layers, shape.hidden, shape.heads) == (2, 32, 2)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize(
    "options", [("model.lora.rank=4",), ("model.lora.rank=4", "model.lora.targets=[q_proj,up_proj]"), ()]
)
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_what_lean_decoding_copies_of_the_weights_is_what_is_told(
    tmp_path, tied, options, precision, monkeypatch
):
    """The tensors that a decoder holds and the model does not."""
    monkeypatch.setattr(lean, "SMALL", 0)  # joins nothing: such copies are small
    folder = tiny.save(tmp_path / "m", "llama", tie_word_embeddings=tied)
    words = (f"model.path={folder}", f"model.precision={precision}", "rollout.decode=lean", *options)
    config = quick_compose(words)
    policy = load_policy(config.model, torch.device("cpu"))
    decoder = lean.LeanDecoder(policy.model, layout_of(policy.model), precision)
    pairs = [pair for one in decoder.layers for pair in (*one.qkv, one.out, *one.gate_up, one.down)]
    theirs = {weight.data_ptr() for weight in policy.model.parameters()}
    copies = [weight for weight, _ in (*pairs, *decoder.head) if weight.data_ptr() not in theirs]
    told = estimate(read_shape("m", folder), config, prompt=9, precision=precision)
    assert told.phases["sampling"]["sampler's copy"] == sum(weight.nbytes for weight in copies)


def test_a_tied_head_counts_once_and_tables_beside_the_weights_do_not():
    described = {
        "text_config": {
            "num_hidden_layers": 1,
            "hidden_size": 8,
            "num_attention_heads": 2,
            "intermediate_size": 16,
        },
        "vocab_size": 10,
        "tie_word_embeddings": True,
    }
    headers = {
        name: Header(dtype="F32", shape=shape)
        for name, shape in {
            "model.embed_tokens.weight": (10, 8),
            "lm_head.weight": (10, 8),
            "h.0.attn.bias": (1, 1, 64, 64),
            "h.0.attn.c_attn.bias": (24,),
        }.items()
    }
    shape = shape_of(described, headers)
    assert isinstance(shape, Shape)
    assert shape.parameters == 10 * 8 + 24
    assert (shape.kv_heads, shape.head_dim, shape.gated) == (2, 4, False)
    del described["text_config"]["num_attention_heads"], described["text_config"]["intermediate_size"]
    assert shape_of(described, headers) == NoShape(lacks=("attention heads", "intermediate size"))
    assert isinstance(shape_of({**described, "model_type": ["gpt2"]}, headers), NoShape)


def test_the_parts_are_the_bytes_that_the_options_ask_for():
    def parts(*words: str):
        config = quick_compose(["model.path=m", "rollout.decode=plain", "trainer.logits=full", *words])
        return estimate(SMOLLM2, config, prompt=88, precision=config.model.precision).phases["updating"]

    plain = parts("model.precision=float32", "trainer.minibatch=32", "trainer.micro_batch_tokens=800")
    numbers = 134_515_008
    assert plain["weights"] == plain["gradients"] == 4 * numbers
    assert plain["optimizer"] == 8 * numbers
    # 88 + 112 tokens a row: four rows of 113 logits, each of 49,152 floats, three times over
    assert plain["logits"] == 3 * 4 * 113 * 49_152 * 4
    assert parts("model.precision=float32", "trainer.optimizer=adamw_8bit")["optimizer"] == pytest.approx(
        2.03125 * numbers
    )
    chunked = parts("model.precision=float32", "trainer.logits=chunked", "trainer.micro_batch_tokens=8000")
    # 8000 tokens are 40 rows, of which a step has 32: 32 * 113 tokens, and 256 MiB / (4 * 3616) = 18,558 of the vocabulary
    assert chunked["logits"] == 2 * 32 * 113 * (18_558 + 576) * 4
    # q and o 576+576 each, k and v 576+192 each, gate, up and down 576+1536 each: 10,176 a layer
    adapted = parts("model.precision=bfloat16", "model.lora.rank=8")
    assert adapted["gradients"] == 4 * 8 * 30 * 10_176
    assert adapted["weights"] == 2 * numbers + 4 * 8 * 30 * 10_176
    few = parts("model.precision=float32", "trainer.gradient_checkpointing=true")
    assert few["activations"] < parts("model.precision=float32")["activations"] / 10


def test_a_verl_job_shards_what_it_trains_over_all_devices_and_gathers_a_block_at_a_time():
    words = [
        "model.path=m",
        "trainer.backend=verl",
        "rollout=vllm",
        "trainer.minibatch=64",
        "trainer.micro_batch_tokens=800",
    ]
    config = quick_compose([*words, "run.gpus=4", "run.nodes=2", "run.ray_address=http://head:8265"])
    phases = estimate(SMOLLM2, config, prompt=88, precision="bfloat16", device="cuda").phases
    assert set(phases) == {"sampling", "syncing", "collecting", "updating"}
    numbers, table, block = 134_515_008, 49_152 * 576, 2 * 576 * 576 + 2 * 576 * 192 + 3 * 576 * 1536
    updating = phases["updating"]
    assert updating["weights"] == updating["gradients"] == 4 * numbers / 8
    assert updating["optimizer"] == 8 * numbers / 8
    # in bfloat16: embedding, head and two layers, and the gradient of the head with its float32 copy
    assert phases["collecting"]["gathered weights"] == 2 * (2 * table + 2 * block)
    assert updating["gathered weights"] == 2 * (2 * table + 2 * block) + 6 * table
    # four rows of 200 tokens, prompts too, each of 49,152 numbers in bfloat16, three times over
    assert updating["logits"] == 3 * 4 * 200 * 49_152 * 2
    # each device samples with a whole copy, which is gone while the trainer works
    assert phases["sampling"]["engine's weights"] == 2 * numbers
    assert not [part for part in updating if part.startswith("engine")]
    two = replace(
        config,
        trainer=replace(config.trainer, verl=("actor_rollout_ref.rollout.tensor_model_parallel_size=2",)),
    )
    halved = estimate(SMOLLM2, two, prompt=88, precision="bfloat16", device="cuda").phases["sampling"]
    assert halved["engine's weights"] == numbers
    base = replace(config, trainer=replace(config.trainer, rollouts=0))
    assert set(estimate(SMOLLM2, base, prompt=88, device="cuda").phases) == {"evaluating"}  # by our own code


def test_the_three_largest_savings_are_named_with_what_they_save():
    config = quick_compose(["model.path=m", "model.precision=float32", "trainer.minibatch=256"])

    def asks(changed):
        return estimate(SMOLLM2, changed, prompt=100)

    savings = largest_savings(config, asks)
    assert savings[0].key == "trainer.gradient_checkpointing"
    assert len(savings) == 3
    assert all(saving.bytes > 0 for saving in savings)
    expected = Expected(estimate=asks(config), savings=savings)
    size = expected.estimate.bytes
    wide = expected.line(Room(whole=900 * GIB, free=800 * GIB))
    assert wide.endswith("of 900 GiB here")
    assert "weights 0.5" in wide
    assert "activations" in wide
    near = expected.line(Room(whole=900 * GIB, free=size * 1.1))
    assert "trainer.gradient_checkpointing=true (now false) saves about" in near
    assert "nearly all of the" in near
    assert "more than the free 1.0 GiB" in expected.line(Room(whole=2 * GIB, free=GIB), shared=True)
    assert out_of_memory(expected).startswith("out of memory; this run needs about")
    assert "no attention heads" in Expected(estimate=NoShape(lacks=("attention heads",))).line(
        Room(whole=1, free=1)
    )


def test_an_engine_of_its_own_holds_weights_and_a_cache_and_sleeps_on_cuda_while_the_trainer_updates():
    words = [
        "model.path=m",
        "rollout=vllm",
        "rollout.prompts=4",
        "rollout.responses=8",
        "trainer.minibatch=32",
        "rollout.max_tokens=100",
    ]
    config = quick_compose([*words, "run.prompt_tokens=1000"])
    numbers, phases = 134_515_008, ("evaluating", "sampling", "collecting", "updating")
    # a token takes 2 * 30 layers * 192 floats = 46,080 bytes; 32 rows of a rollout, 50 answers of an evaluation, of 512 + 100 tokens each
    cache = 50 * 612 * 46_080
    for device, awake in (("cpu", phases), ("cuda", phases[:2])):
        told = estimate(SMOLLM2, config, prompt=88, device=device).phases
        for name, parts in told.items():
            own = {part: size for part, size in parts.items() if part.startswith("engine")}
            assert own == (
                {"engine's weights": 4 * numbers, "engine's cache": cache} if name in awake else {}
            ), name
            assert parts["programs"] == pytest.approx((470 / 1024 + 1.2) * GIB, rel=1e-6)
            assert not {"sampler's copy", "cache"} & parts.keys()
    spread = quick_compose([*words, "run.gpus=2"])
    told = estimate(SMOLLM2, spread, prompt=88, precision="bfloat16", device="cuda")
    assert told.phases["sampling"]["engine's weights"] == 2 * numbers / 2
    alone = estimate(SMOLLM2, config, prompt=88, trains=False, device="cuda")
    assert alone.phases.keys() == {"evaluating"}


def test_the_engines_cache_is_what_is_asked_for_within_bounds():
    def cache(*words: str, shape: Shape = SMOLLM2, precision: str = "float32") -> int:
        base = [
            "model.path=m",
            "rollout=vllm",
            "rollout.max_tokens=100",
            "evaluation.max_tokens=60",
            "run.prompt_tokens=1000",
        ]
        return engine_cache_bytes(shape, quick_compose([*base, *words]), precision=precision)

    few = ("rollout.prompts=1", "rollout.responses=8", "trainer.minibatch=8", "evaluation.questions=1")
    assert cache("run.cache_gb=0.5") == GIB // 2
    assert cache() == 4 * GIB  # 256 rows of 612 tokens at 46,080 bytes are 6.7 GiB
    # 8 rows of 612 tokens are 4,896; one of 1,100 is 9 blocks of 128 tokens and a free one, 1,280
    assert cache(*few) == 4_896 * 46_080
    assert cache(*few, precision="bfloat16") == 4_896 * 23_040
    # 64 answers at once of 512 + 60 tokens
    assert cache(*few, "evaluation.questions=100") == 64 * 572 * 46_080
    # without training one greedy answer of 572 tokens, but a row of 1,100 must fit: 9 blocks and a free one
    alone = ("trainer.rollouts=0", "evaluation.temperatures=[]", "evaluation.questions=1")
    assert cache(*alone) == 1_280 * 46_080
    assert (
        cache(*alone, shape=replace(SMOLLM2, positions=250)) == 572 * 46_080
    )  # of a row 2 blocks and a free one are less


def test_a_smaller_cache_is_named_where_it_lowers_the_peak():
    config = quick_compose(["model.path=m", "rollout=vllm", "trainer.micro_batch_tokens=600"])

    def asks(changed):
        return estimate(SMOLLM2, changed, prompt=100)

    more = smaller_cache(SMOLLM2, config, "float32")
    (saving,) = (one for one in largest_savings(config, asks, None, more) if one.key == "run.cache_gb")
    assert (saving.value, saving.now, saving.bytes) == (1.0, None, pytest.approx(3 * GIB))
    said = Expected(estimate=asks(config), savings=[saving]).line(Room(whole=9 * GIB, free=GIB))
    assert said.endswith("run.cache_gb=1.0 (now null) saves about 3.0 GiB")
    assert "engine's weights 0.5, engine's cache 4.0" in said
    # what holds one row and no more cannot be smaller, and other engines have none
    least = replace(config, run=replace(config.run, cache_gb=0.1))
    assert smaller_cache(SMOLLM2, least, "float32") == []
    assert smaller_cache(SMOLLM2, quick_compose(["model.path=m"]), "float32") == []


def test_a_control_group_bounds_what_is_here(tmp_path):
    assert room_of("cpu", tmp_path).whole > GIB
    (tmp_path / "memory.max").write_text("max\n")
    assert room_of("cpu", tmp_path).whole == room_of("cpu", tmp_path / "none").whole
    (tmp_path / "memory.max").write_text(f"{64 << 20}\n")
    (tmp_path / "memory.current").write_text(f"{24 << 20}\n")
    assert room_of("cpu", tmp_path) == Room(whole=64 << 20, free=40 << 20)


CHILD = """
import resource, sys
from tests.peak_memory import peak_bytes
from sspo.console.one_sentence import one_sentence
from sspo.train import main
limit = int(sys.argv[1])
if limit:
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
status = one_sentence(lambda: main(sys.argv[2:]))
print("peak", peak_bytes())
sys.exit(status)
"""


def child(limit: int, *words: str) -> subprocess.CompletedProcess[str]:
    """A training in a process of its own, under a limit of its address space; 0 for none."""
    return subprocess.run(
        [sys.executable, "-c", CHILD, str(limit), *SHORT, *words],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.mark.acceptance
@pytest.mark.parametrize("model", ["embedded", "wide"])
def test_the_estimate_is_within_a_third_of_what_a_run_takes(tmp_path, model):
    path, words = "embedded", ["rollout.prompts=8", "trainer.minibatch=32"]
    if model == "wide":  # logits are what takes memory
        path = str(tiny.save(tmp_path / "m", "gpt2", rows=60_000, n_positions=256))
        words = [
            "rollout.prompts=2",
            "rollout.responses=8",
            "trainer.minibatch=8",
            "rollout.max_tokens=64",
            "trainer.logits=full",
        ]
    done = child(0, f"model.path={path}", f"run.store={tmp_path / 'st'}", *words)
    assert done.returncode == 0, done.stderr
    peak = int(done.stdout.split()[-1])
    (line,) = (line for line in done.stdout.splitlines() if ": memory: about " in line)
    said = float(line.split("about ")[1].split(" GiB")[0]) * GIB
    assert 0.7 < said / peak < 1.3


@pytest.mark.acceptance
def test_a_run_without_memory_names_three_settings_and_its_estimate(tmp_path):
    folder = tiny.save(tmp_path / "m", "gpt2", rows=60_000, n_positions=256)
    done = child(
        2500 * 2**20, f"model.path={folder}", f"run.store={tmp_path / 'st'}", "rollout.prompts=4", "rollout.responses=16",
        "trainer.minibatch=64", "rollout.max_tokens=64", "trainer.logits=full",
    )  # fmt: skip
    assert done.returncode == 1
    (said,) = (line for line in done.stderr.splitlines() if line.startswith("failed (oom): "))
    assert "out of memory; this run needs about" in said
    assert said.count(" saves about ") == 3
    assert "trainer.logits=chunked (now full)" in said
    (failed,) = (tmp_path / "st").rglob("FAILED.json")
    assert json.loads(failed.read_text())["reason"] == "oom"


def test_what_torch_and_the_system_say_of_memory_is_known():
    from sspo.models.device import is_out_of_memory

    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 62, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)
    assert is_out_of_memory(OSError(12, "Cannot allocate memory"))
    assert not is_out_of_memory(RuntimeError("shapes cannot be multiplied"))
