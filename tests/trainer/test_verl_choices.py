"""trainer.backend=verl: what it cannot follow, verl's own options, its devices, and the Python that starts its jobs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sspo.compose.fast import quick_compose
from sspo.compose.hydra_compose import compose
from sspo.config.backends import verl
from sspo.config.backends.verl_names import NEVER, OURS, check_entries
from sspo.config.compatibility import backend_of, why_not_trained
from sspo.config.options import options
from sspo.errors import UserError
from sspo.evaluation.expected import expected_of, room_here
from sspo.runs.identity import cell_hash, numeric_options
from tests.tiny_models import save

VERL = ("trainer.backend=verl", "rollout=vllm")
TENSOR = "actor_rollout_ref.rollout.tensor_model_parallel_size"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("trainer.backend=verl",), "rollout.engine=transformers (verl samples with vLLM): set rollout.engine=vllm, or trainer.backend=sspo"),
        ((*VERL, "rollout.resample=2"), "rollout.resample=2 (verl samples each prompt once): set rollout.resample=0"),
        (
            (*VERL, "trainer.old_logp=sampler", "trainer.logits=chunked", "model.lora.rank=8"),
            "set trainer.old_logp=trainer, trainer.logits=full, model.lora.rank=0, or trainer.backend=sspo",
        ),
        ((*VERL, "trainer.forward=lean", "trainer.optimizer=adamw_8bit"), "set trainer.forward=plain, trainer.optimizer=adamw, or"),
        ((*VERL, "rollout.responses=3"), "minibatch=32 does not divide the rollout of 48 responses"),
        ((*VERL, "run.gpus=64"), "trainer.minibatch=32 (verl spreads a minibatch evenly over 64 devices): set trainer.minibatch=64"),
        ((*VERL, "run.gpus=3"), "run.gpus=3 (no minibatch of the 256 responses of a rollout spreads evenly over 3 devices): set run.gpus=1"),
        ((*VERL, "run.nodes=2"), "run.nodes=2 requires a Ray cluster of that many nodes: set run.ray_address"),
        (("run.nodes=2",), "run.nodes=2 has no effect with trainer.backend=sspo: set run.nodes=1, or trainer.backend=verl"),
        (("run.ray_address=http://h:1",), "run.ray_address=http://h:1 has no effect with trainer.backend=sspo: set run.ray_address=null"),
        (("run.verl_python=python",), "run.verl_python=python has no effect with trainer.backend=sspo: set run.verl_python=null, or trainer.backend=verl"),
        (("trainer.backend=trl", "run.silence=60"), "run.silence=60.0 has no effect with trainer.backend=trl: set run.silence=1800.0"),
        (("trainer.verl=['a=1']",), "has no effect with trainer.backend=sspo: set trainer.verl=[]"),
        (("run.nodes=0",), "run.nodes must be at least 1, got 0"),
        (("run.silence=0",), "run.silence must be a positive finite number of seconds, got 0.0"),
    ],
)  # fmt: skip
def test_what_verl_cannot_do_is_one_sentence_with_what_to_set(words: tuple[str, ...], said: str) -> None:
    for composer in (quick_compose, compose):
        with pytest.raises(UserError) as caught:
            composer(words)
        assert said in str(caught.value)
        assert "\n" not in str(caught.value)


def test_several_devices_and_nodes_are_a_matter_of_execution() -> None:
    plain = quick_compose(VERL)
    wide = quick_compose([*VERL, "run.gpus=4", "run.nodes=2", "run.ray_address=http://head:8265"])
    assert (verl.devices_of(plain), verl.devices_of(wide)) == (1, 8)
    assert cell_hash(plain) == cell_hash(wide)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("actor_rollout_ref.actor.optim.lr=1e-5", "follows from our own options: set trainer.lr instead"),
        ("+actor_rollout_ref.actor.policy_loss.loss_mode=gspo", "set objective instead"),
        ("++trainer.v1.trainer_mode=sync", "set objective and segmentation instead"),
        ("~data.train_batch_size", "set rollout.prompts instead"),
        (
            "trainer={}",
            "cannot set the whole group trainer, which holds trainer.total_training_steps and others",
        ),
        (
            "trainer.balance_batch=false",
            "because our seed fixes the order of prompts and responses: leave it out",
        ),
        ("actor@actor_rollout_ref.actor=megatron_actor", "as key=value, +key=value or ~key, got 'actor@"),
        ("a b=1", "got 'a b=1'"),
        ("a=1\nb=2", "got 'a=1"),
        ("lonely", "got 'lonely'"),
    ],
)
def test_an_option_of_verl_that_follows_from_ours_is_refused_with_its_name(entry: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        check_entries([entry])
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_names_of_ours_that_messages_give_exist() -> None:
    keys = {option.key for option in options()}
    groups = {key.rpartition(".")[0] for key in keys}
    named = {name for words in OURS.values() for name in words.split(" and ")}
    assert named <= keys | groups
    assert not set(OURS) & set(NEVER)


def test_verls_own_options_are_part_of_a_cell_and_their_order_is_not() -> None:
    more = [f"{TENSOR}=2", "+actor_rollout_ref.rollout.enforce_eager=true"]
    cells = [
        cell_hash(quick_compose([*VERL, f"trainer.verl={entries}"]))
        for entries in ([], more, more[::-1], more[:1])
    ]
    assert cells[0] == cell_hash(quick_compose(VERL))
    assert cells[1] == cells[2]
    assert len(set(cells)) == 3
    assert "verl" not in numeric_options(quick_compose(VERL))["trainer"]
    with pytest.raises(UserError, match=f"trainer.verl sets {TENSOR} twice: name it once"):
        check_entries([f"{TENSOR}=2", f"+{TENSOR}=4"])


def test_copies_of_the_engine_are_as_wide_as_verls_options_say() -> None:
    assert verl.tensor_parallel(quick_compose(VERL)) == 1
    assert verl.tensor_parallel(quick_compose([*VERL, f"trainer.verl=['{TENSOR}=4']"])) == 4


def test_the_python_of_a_job_is_the_named_one_else_one_that_has_verl(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(verl, "app_root", lambda: tmp_path / "checkout")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    missing = str(why_not_trained("verl", "vllm"))
    assert missing.startswith(
        "trainer.backend=verl requires verl 0.9.1 in an environment of its own, and this one has none"
    )
    of_checkout = tmp_path / "checkout" / verl.PYTHON
    of_checkout.parent.mkdir(parents=True)
    of_checkout.touch()
    assert verl.verl_python(None) == of_checkout
    assert why_not_trained("verl", "vllm") is None
    said = why_not_trained("verl", "vllm", "nowhere/python")
    assert (
        said
        == "run.verl_python=nowhere/python is not a file: name the Python of an environment that has verl 0.9.1"
    )
    assert verl.verl_python(str(of_checkout)) == of_checkout
    installed = tmp_path / "verl-0.9.1.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Name: verl\nVersion: 0.9.1\n")
    assert verl.verl_python(None) == Path(sys.executable)
    assert "verl" not in sys.modules


def test_defaults_of_a_model_of_ones_own_are_those_that_verl_supports(tmp_path: Path) -> None:
    config = quick_compose([f"model.path={save(tmp_path / 'm')}", *VERL])
    assert (config.trainer.logits, config.trainer.optimizer) == ("full", "adamw")
    assert backend_of(config) == "verl"


def test_the_line_on_memory_is_that_of_each_device_and_of_no_room_on_a_cluster(tmp_path: Path) -> None:
    words = [f"model.path={save(tmp_path / 'm')}", *VERL, "run.device=cpu"]
    far = quick_compose([*words, "run.gpus=2", "run.ray_address=http://head:8265"])
    assert room_here(far) is None
    line = expected_of(far).line(None)
    assert line.endswith(
        "; on each of 2 devices, estimated from verl's source: no such job has run on a GPU here"
    )
    assert "GiB here" not in line
    near = quick_compose(words)
    assert " GiB here; on its device, estimated from verl's source" in expected_of(near).line(room_here(near))
