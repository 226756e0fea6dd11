"""trainer.backend: whose cells stay, what another backend cannot do, and an environment that lacks its package."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from sspo.compose.fast import quick_compose
from sspo.compose.hydra_compose import compose
from sspo.config.compatibility import backend_of, why_not_trained
from sspo.errors import UserError
from sspo.evaluation.expected import expected_of, room_here
from sspo.models.memory.savings import largest_savings
from sspo.runs.identity import cell_hash
from sspo.train import main
from sspo.trainer.environment import _of_options
from tests.console import run_here
from tests.tiny_models import save

TRL = "trainer.backend=trl"
MISSING = (
    "trainer.backend=trl requires TRL 1.16, and this environment has {}: run `make setup-trl`, then `make sweep NAME=... TRL=1`, or use "
    ".venv-trl/bin/python instead of .venv/bin/python"
)


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder where packages are looked for."""
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    return tmp_path


def installed(packages: Path, name: str, version: str) -> None:
    folder = packages / f"{name}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n")


@pytest.mark.parametrize(
    "words",
    [(), ("objective=grpo", "segmentation=random"), ("experiment=fast",), ("trainer.rollouts=0",), ("model.lora.rank=8",)],
)  # fmt: skip
def test_the_default_backend_leaves_a_cell_its_name_and_another_gives_one_of_its_own(
    words: tuple[str, ...],
) -> None:
    plain = quick_compose(words)
    assert plain == quick_compose([*words, "trainer.backend=sspo"])
    fitting = [word for word in words if word != "experiment=fast"]
    cells = {cell_hash(quick_compose([*fitting, *more])) for more in ([], ["trainer.backend=sspo"], [TRL])}
    assert len(cells) == 2
    assert cell_hash(compose([*fitting, TRL])) in cells - {cell_hash(quick_compose(fitting))}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("trainer.backend=tlr",), "unknown trainer.backend 'tlr': did you mean 'trl'? valid: sspo, trl, verl"),
        (
            (TRL, "experiment=fast"),
            "trainer.backend=trl does not support trainer.old_logp=sampler (TRL has forward passes of its own), "
            "trainer.forward=lean (TRL has forward passes of its own): set trainer.old_logp=trainer, trainer.forward=plain, or "
            "trainer.backend=sspo",
        ),
        ((TRL, "trainer.logits=chunked"), "set trainer.logits=full, or trainer.backend=sspo"),
        ((TRL, "rollout=vllm", "trainer.old_logp=sampler"), "trainer.old_logp=sampler (TRL has forward passes of its own): set trainer.old_logp=trainer"),
        ((TRL, "rollout=vllm", "rollout.decode=lean"), "rollout.decode=lean requires engine 'transformers'"),
        ((TRL, "rollout=vllm", "run.gpus=2"), "run.gpus=2 (TRL trains a trial on one device): set run.gpus=1"),
        ((TRL, "rollout.resample=2"), "rollout.resample=2 (TRL samples each prompt once): set rollout.resample=0"),
        ((TRL, "rollout.stop=[a,b]"), "rollout.stop=[a,b] (model.generate ends responses only at end tokens; rollout=vllm does not): set rollout.stop=[]"),
        ((TRL, "objective.tis_cap=2"), "objective.tis_cap=2.0 (model.generate reports no log-probabilities; rollout=vllm does): set objective.tis_cap=null"),
        ((TRL, "objective.mis_cap=2"), "set objective.mis_cap=null"),
        ((TRL, "rollout.responses=1", "trainer.minibatch=8"), "rollout.responses=1 (TRL's groups have at least two responses)"),
        ((TRL, "model.lora.rank=8", "model.lora.targets=[q_proj,lm_head]"), "set model.lora.targets=[q_proj], or"),
        ((TRL, "run.gpus=2"), "run.gpus=2 (TRL trains a trial on one device): set run.gpus=1"),
        ((TRL, "trainer.minibatch=48"), "trainer.minibatch=48 does not divide the rollout of 256 responses"),
    ],
)  # fmt: skip
def test_what_a_backend_cannot_do_is_one_sentence_with_what_to_set(words: tuple[str, ...], said: str) -> None:
    for composer in (quick_compose, compose):
        with pytest.raises(UserError) as caught:
            composer(words)
        assert said in str(caught.value)
        assert "\n" not in str(caught.value)


def test_what_only_evaluation_or_the_optimizer_uses_goes_with_trl() -> None:
    config = quick_compose([TRL, "rollout.decode=lean", "trainer.optimizer=adamw_8bit", "trainer.epochs=2"])
    assert (config.trainer.backend, config.rollout.decode) == ("trl", "lean")


def test_caps_and_ends_of_ones_own_go_with_trl_where_vllm_samples() -> None:
    words = ["rollout=vllm", "objective.tis_cap=2", "objective.mis_cap=2", "rollout.stop=[a,b]"]
    own, other = (quick_compose([*words, *more]) for more in ([], [TRL]))
    assert (own.objective, own.rollout) == (other.objective, other.rollout)
    assert cell_hash(own) != cell_hash(other)


def test_defaults_of_a_model_of_ones_own_are_those_that_its_backend_supports(tmp_path: Path) -> None:
    path = f"model.path={save(tmp_path / 'm')}"
    own, other = quick_compose([path]), quick_compose([path, TRL])
    assert (own.trainer.logits, other.trainer.logits) == ("chunked", "full")
    assert (own.rollout.decode, own.trainer.optimizer) == (other.rollout.decode, other.trainer.optimizer)
    with pytest.raises(UserError, match=r"trainer\.logits=chunked \(TRL has"):
        quick_compose([path, TRL, "trainer.logits=chunked"])


def test_an_untrained_base_needs_no_backend_but_ours() -> None:
    assert backend_of(quick_compose([TRL])) == "trl"
    assert backend_of(quick_compose([TRL, "trainer.rollouts=0"])) == "sspo"


def test_an_environment_without_trl_or_with_another_is_named_with_the_remedy(packages: Path) -> None:
    assert why_not_trained("sspo") is None
    assert why_not_trained("trl") == MISSING.format("none")
    installed(packages, "trl", "1.15.2")
    assert why_not_trained("trl") == MISSING.format("1.15.2")
    remedy = (
        "run `make .venv-vllm/trl`, then use .venv-vllm/bin/python, or `make sweep NAME=... TRL=1 VLLM=1`"
    )
    assert str(why_not_trained("trl", "vllm")).endswith(remedy)


def test_trl_of_the_pinned_minor_version_is_enough_and_is_not_imported(packages: Path) -> None:
    installed(packages, "trl", "1.16.3")
    assert why_not_trained("trl") is None
    assert "trl" not in sys.modules


def test_a_run_without_its_backend_is_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = SimpleNamespace(version=lambda name: "1.15.0")
    monkeypatch.setattr("sspo.config.compatibility.version", hidden.version)
    said = run_here(main, TRL, f"run.store={tmp_path / 'runs'}", "tracking=none")
    assert (said.returncode, said.stderr) == (2, f"error: {MISSING.format('1.15.0')}\n")
    assert not (tmp_path / "runs").exists()


def test_the_environment_of_a_run_names_trl_only_where_it_trains() -> None:
    named = {"trl", "accelerate", "datasets"}
    assert named <= set(_of_options(quick_compose([TRL])))
    assert not {"trl", "datasets"} & {*_of_options(quick_compose([])), *_of_options(quick_compose([TRL, "trainer.rollouts=0"]))}  # fmt: skip


def test_memory_is_said_to_be_that_of_our_own_trainer() -> None:
    remark = "counted as for our own trainer, and this backend may take more or less"
    own, other = (expected_of(quick_compose(words)) for words in ([], [TRL]))
    room = room_here(quick_compose([]))
    assert remark not in own.line(room)
    assert f" GiB here; {remark}" in other.line(room)
    # no setting is suggested that the backend refuses
    found = largest_savings(quick_compose([TRL]), lambda changed: own.estimate, settings=["trainer.logits"])  # type: ignore[arg-type,return-value]
    assert found == []
