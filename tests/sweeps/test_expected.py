"""Estimates for trials that have not run: operations by hand, laws, memory, devices, and the tables of conf/planning."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from sspo.compose.fast import quick_compose
from sspo.config import TrainConfig
from sspo.config.places import CONF_ROOT
from sspo.errors import UserError
from sspo.models.memory.estimate import estimate
from sspo.models.memory.shape import Shape
from sspo.models.memory.sizes import linear_numbers
from sweeps.plan.expected import machine
from sweeps.plan.expected.hours import Seconds, seconds_of
from sweeps.plan.expected.machine import GIB, Place, found, named, row_of
from sweeps.plan.expected.shapes import shape_for
from sweeps.plan.expected.tables import tables
from sweeps.plan.expected.trials import memory_of, sets_of
from sweeps.plan.expected.work import Work
from sweeps.study.limits import Resources

TINY = Shape(
    parameters=400, layers=2, hidden=4, heads=2, kv_heads=1, head_dim=2, intermediate=8, vocabulary=10
)
ASSUMED = replace(tables().assumptions, prompt_tokens=3.0, response_tokens=5.0)
TINY_WORDS = (
    "model.path=nowhere", "rollout.prompts=2", "rollout.responses=3", "rollout.max_tokens=9", "rollout.decode=plain",
    "trainer.minibatch=3", "trainer.rollouts=4", "trainer.logits=full", "evaluation.questions=10", "evaluation.samples=4",
    "evaluation.every=2", "evaluation.curve_questions=3",
)  # fmt: skip
BENCHMARKS = [30, 83, 500, 272, 675]


def work(*words: str) -> Work:
    return Work(TINY, quick_compose([*TINY_WORDS, *words]), ASSUMED, sets=[30, 5], precision="float32")


def test_operations_are_those_that_one_counts_by_hand() -> None:
    # a layer: q 4x4, k and v 4x2, o 4x4, gate, up and down 4x8 = 16 + 8 + 8 + 16 + 96 = 144 numbers; two layers 288; head 4 x 10 = 40
    one = work()
    assert (one.matrices, one.head) == (288, 40)
    # a row of 3 + 5 tokens: 2 x 288 x 8 = 4,608, attention 2 x 2 layers x width 4 x 8^2 = 1,024
    assert one.layers(8) == 4608 + 1024
    # six rows, and the head for six answers of 5 tokens: 2 x 40 x 30 = 2,400
    assert one.look() == 6 * 5632 + 2400
    # forward, gradients of inputs, gradients of weights: three times
    assert one.update() == 3 * (6 * 5632 + 2400)
    assert work("trainer.gradient_checkpointing=true").update() == 4 * 6 * 5632 + 3 * 2400
    assert work("trainer.logits=chunked").update() == 3 * 6 * 5632 + 4 * 2400
    # adapters of rank 1: in + out of each layer, (8 + 6 + 6 + 8 + 12 + 12 + 12) x 2 = 128 numbers, trained; what is frozen twice
    lora = work("model.lora.rank=1")
    assert lora.update() == 6 * (2 * 4608 + 3 * (2 * 128 * 8 + 1024)) + 2 * 2400
    # a step of decoding, six rows with 3 tokens before them: 2 x 328 + attention 4 x 2 x 4 x 3 = 752 each;
    # 328 weights and 6 x 3 x 8 keys and values of four bytes
    step = one.step(6, 3)
    assert (step.operations, step.bytes) == (6 * 752, 4 * (328 + 144))


def test_answers_are_those_of_training_of_curves_and_of_the_last_step() -> None:
    # 4 rollouts of 6; a curve before the first rollout and after the second and fourth: 3 x (3 + 3);
    # the last step, greedy and four samples: 5 x (10 + 5)
    assert work().graded() == 24 + 18 + 75
    assert work("trainer.rollouts=0").graded() == 75
    assert work("evaluation.every=0", "evaluation.temperatures=[]").graded() == 24 + 15
    assert work("rollout.resample=2").graded() == 3 * 24 + 18 + 75


def taken(*words: str, shape: Shape | None = None, place: Place | None = None, threads: int = 1) -> Seconds:
    config = quick_compose(["experiment=qwen25_math_1.5b", *words])
    of_model = shape or shape_for(config.model.path)
    assert of_model is not None
    on = place or named("h100_80gb")
    spent = seconds_of(of_model, config, on, tables().assumptions, sets=BENCHMARKS, threads=threads)
    assert spent is not None
    return spent


@pytest.mark.parametrize(
    "more",
    [
        "rollout.max_tokens=3500",
        "rollout.prompts=192",
        "trainer.rollouts=97",
        "trainer.epochs=2",
        "evaluation.samples=32",
        "evaluation.max_tokens=3500",
        "evaluation.every=8",
        "objective.kl.coef=0.1",
        "rollout.resample=1",
        "model.precision=float32",
    ],
)
def test_more_work_is_never_cheaper(more: str) -> None:
    assert taken(more).total > taken().total


def test_laws_of_time() -> None:
    once, twice = taken(), taken("trainer.rollouts=192")
    assert (twice.sampling, twice.updates) == pytest.approx((2 * once.sampling, 2 * once.updates))
    fast = named("h100_80gb")
    assert fast.device is not None
    half = replace(fast, device=replace(fast.device, bandwidth_gbs=fast.device.bandwidth_gbs / 2))
    slow = replace(fast, device=replace(fast.device, tflops=fast.device.tflops / 2))
    assert taken(place=half).total > once.total
    assert taken(place=slow).updates == pytest.approx(2 * once.updates, rel=0.02)
    assert taken("rollout.max_tokens=200").sampling < once.sampling
    assert taken("model.lora.rank=16").updates < once.updates
    unknown = Place(name="NVIDIA of tomorrow", memory=80 * GIB)
    config = quick_compose(["experiment=qwen25_math_1.5b"])
    assert seconds_of(TINY, config, unknown, ASSUMED, sets=[1]) is None


def test_all_devices_of_a_verl_job_share_updates_and_answers() -> None:
    config = quick_compose(["experiment=qwen25_math_7b_full"])
    shape = shape_for(config.model.path)
    assert shape is not None

    def on(devices: int, *entries: str) -> Seconds:
        changed = replace(config, trainer=replace(config.trainer, verl=entries))
        spent = seconds_of(
            shape, changed, named("h100_80gb"), tables().assumptions, sets=BENCHMARKS, devices=devices
        )
        assert spent is not None
        return spent

    one, eight = on(1), on(8)
    assert eight.updates == pytest.approx(one.updates / 8)
    assert one.sampling / 8 < eight.sampling < one.sampling
    assert eight.rest == one.rest
    assert on(8, "actor_rollout_ref.rollout.tensor_model_parallel_size=8").sampling != eight.sampling


def test_on_a_processor_a_small_real_model_takes_what_it_took() -> None:
    """24 rollouts of 8 x 4 answers of 32 tokens by SmolLM2-135M took about an hour on two cores."""
    words = [
        "model.path=HuggingFaceTB/SmolLM2-135M-Instruct", "rollout.prompts=8", "rollout.responses=4", "rollout.max_tokens=32",
        "trainer.rollouts=24", "trainer.minibatch=16", "evaluation.max_tokens=32",
    ]  # fmt: skip
    shape = shape_for("HuggingFaceTB/SmolLM2-135M-Instruct")
    assert shape is not None
    cpu, config = Place(name="cpu", memory=None), quick_compose(words)
    one, two = (
        seconds_of(shape, config, cpu, tables().assumptions, sets=[50], threads=threads) for threads in (1, 2)
    )
    assert one is not None
    assert two is not None
    assert 900 < two.total < 7200
    assert two.updates == pytest.approx(one.updates / 2)


def test_memory_is_that_of_the_estimate_which_a_run_makes_of_itself() -> None:
    config, shape = quick_compose(["experiment=qwen25_math_1.5b"]), shape_for("qwen2.5-math-1.5b")
    assert shape is not None
    spread = replace(config, run=replace(config.run, gpus=2))
    for place, precision, device in ((named("h200"), "bfloat16", "cuda"), (Place(name="cpu", memory=1.0), "float32", "cpu")):  # fmt: skip
        found = memory_of(shape, config, place, Resources(gpus=2))
        assert found == estimate(shape, spread, prompt=512, precision=precision, device=device)


def test_sizes_of_benchmarks_are_known_without_them() -> None:
    config = quick_compose(["experiment=qwen25_math_1.5b", "task.folder=/nowhere"])
    assert sets_of(config, named=False) == BENCHMARKS
    other = quick_compose(["task=jsonl", "task.eval=[mine.jsonl,aime24]", "model.path=nowhere", "evaluation.questions=7"])  # fmt: skip
    assert sets_of(other, named=False) == [7, 30]


@pytest.mark.parametrize("name", tables().models)
def test_the_parameters_of_a_row_are_those_of_its_widths(name: str) -> None:
    """But for biases and norms, which are few."""
    row = tables().models[name]
    tables_of_words = row.vocabulary * row.hidden * (1 if row.tied else 2)
    assert 0 < row.parameters - linear_numbers(row.shape()) - tables_of_words < 3e-4 * row.parameters


def test_a_folder_that_is_not_here_is_looked_up_by_its_name(tmp_path: Path) -> None:
    shape = shape_for("Qwen/Qwen2.5-Math-1.5B@4a83ca6e4526a4f2da3aa259ec36c259f66b2ab2")
    assert shape is not None
    assert shape.parameters == 1_543_714_304
    assert shape_for(str(tmp_path / "qwen2.5-math-1.5b")) == shape
    assert shape_for(str(tmp_path / "mine")) is None


@pytest.mark.parametrize(
    ("name", "memory_mib", "row"),
    [
        ("NVIDIA A100-SXM4-40GB", 40960, "a100_40gb"),
        ("NVIDIA A100 80GB PCIe", 81920, "a100_80gb"),
        ("NVIDIA H100 80GB HBM3", 81559, "h100_80gb"),
        ("NVIDIA H100 PCIe", 81559, "h100_80gb"),
        ("NVIDIA H200", 143771, "h200"),
        ("NVIDIA L40S", 46068, "l40s"),
        ("NVIDIA GeForce RTX 4090", 24564, "rtx_4090"),
        ("NVIDIA GeForce RTX 3060", 12288, None),
        ("Tesla T4", 15360, None),
        ("NVIDIA H100 80GB HBM3 MIG 1g.10gb", 9984, None),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", 16376, None),
    ],
)
def test_devices_are_found_by_the_words_of_their_names(name: str, memory_mib: int, row: str | None) -> None:
    assert row_of(name, memory_mib * 2**20) == row
    place = found(name, memory_mib * 2**20)
    assert (place.name, place.memory, place.device is None) == (row or name, memory_mib * 2**20, row is None)


def test_what_is_here_is_asked_of_the_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\n[ $1 = --id=3 ] && echo 'NVIDIA H200, 143771'\n")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(machine, "visible_devices", lambda: ("3", "0"))
    machine._device.cache_clear()
    assert (machine.here().name, machine.here().memory) == ("h200", 143771 * 2**20)
    program.write_text("#!/bin/sh\nexit 9\n")  # no driver behind it
    monkeypatch.setattr(machine, "PROC", tmp_path)
    machine._device.cache_clear()
    assert (machine.here().memory, machine.here().device) == (None, None)
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / "information").write_text("Model: \t\t NVIDIA L40S\nIRQ: 1\n")
    machine._device.cache_clear()
    assert machine.here().name == "l40s"
    monkeypatch.setattr(machine, "visible_devices", lambda: ("MIG-1b5c3d",))  # not the whole L40S
    assert (machine.here().memory, machine.here().device) == (None, None)
    machine._device.cache_clear()
    monkeypatch.setattr(machine, "visible_devices", tuple)
    assert machine.here().name == "cpu"


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("devices", {"h200": {"memory_gib": 141, "tflop": 1, "bandwidth_gbs": 1}}, r"h200 lacks tflops"),
        ("devices", {"h200": {"memory_gib": 1, "tflops": 1, "bandwidth_gbs": 1, "watts": 1}}, r"h200: unknown key 'watts'"),
        ("devices", {"h200": {"memory_gib": -1, "tflops": 1, "bandwidth_gbs": 1}}, r"memory_gib must be above 0, got -1"),
        ("devices", {"h200": 141}, r"h200 must be a group"),
        ("questions", {"aime24": "thirty"}, r"aime24 must be a whole number of at least 1, got 'thirty'"),
        ("assumptions", {"cuda": {"flops_shar": 1}}, r"lacks cuda\.flops_share"),
        ("assumptions", {"disk_gb": 1}, r"did you mean 'disk_gbs'\?"),
        ("assumptions", {"cuda": {"flops_share": 30}}, r"cuda\.flops_share is a share, at most 1, got 30"),
    ],
)  # fmt: skip
def test_a_table_that_makes_no_sense_is_refused(name: str, change: dict, says: str, tmp_path: Path) -> None:
    folder = tmp_path / "planning"
    shutil.copytree(CONF_ROOT / "planning", folder)
    path = folder / f"{name}.yaml"
    values = yaml.safe_load(path.read_text())
    for key, value in change.items():
        inner = isinstance(values.get(key), dict) and name == "assumptions" and "flops_share" in value
        values[key] = {**values[key], **value} if inner else value
    path.write_text(yaml.safe_dump(values))
    with pytest.raises(UserError, match=says):
        tables(folder)


def test_an_unknown_device_names_the_nearest() -> None:
    with pytest.raises(UserError, match=r"did you mean 'h100_80gb'\?"):
        named("h100_40gb")


def test_every_estimate_is_a_number() -> None:
    config: TrainConfig = quick_compose(["experiment=qwen25_math_7b_lora", "evaluation.temperatures=[]"])
    shape = shape_for(config.model.path)
    assert shape is not None
    for device in tables().devices:
        spent = seconds_of(shape, config, named(device), tables().assumptions, sets=BENCHMARKS)
        assert spent is not None
        assert math.isfinite(spent.total)
        assert spent.total > 0
