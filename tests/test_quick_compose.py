"""`quick_compose` is Hydra's composition: the same config, or the same refusal, for whatever is asked of either."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from sspo.compose import fast as quick
from sspo.compose import hydra_compose
from sspo.compose.fast import quick_compose
from sspo.compose.hydra_compose import GROUPS, choices, compose
from sspo.config.places import CONF_ROOT
from sspo.errors import UserError
from tests.overrides import RUN_ONLY, VALUES, groups, options, texts


def outcome(composer: Any, overrides: list[str]) -> Any:
    """The config, or what is said instead."""
    try:
        return composer(overrides)
    except UserError as error:
        return str(error)


ODD = st.sampled_from(
    [
        "+trainer.lr=1e-3", "++trainer.lr=1e-3", "~trainer.lr", "trainer.lr", "trainer.lr=", "trainer.lr=null",
        "trainer.lr=${trainer.beta1}", "trainer.lr=???", "trainer.lr=fast", "trainer.lr=1e400", "trainer.lr=1_000",
        "trainer.lr=float(3)", "trainer.lr={a: 1}", "trainer.lr=[1]", "trainer.epochs=true", "trainer.epochs=1.0",
        "run.arm='a b, c=d'", 'run.arm="it\'s"', r"run.arm=a\,b", "run.arm=null", "run.arm=1", "run.arm=on",
        "evaluation.temperatures=1", "evaluation.temperatures=[1.0,[2]]", "evaluation.temperatures=[{a: 1}]",
        "segmentation@model=line", "objective=[grpo]", "objective=null", "experiment=null", "experiment=nope",
        "objective=grpo", "objective=gspo", "model.path=${run.store}", "seed=1,2", "seed=007", "objective={ratio: token}",
        r"segmentation.pattern='\\.\d+'", r"segmentation.pattern=\n", "segmentation.pattern='(${x})'",
        r"run.arm='\\\'x'", 'run.arm="\\"x\\""', r"run.arm=a\=b\:c\ d",
    ]
)  # fmt: skip


@pytest.mark.parametrize("examples", [4, pytest.param(40, marks=pytest.mark.acceptance)])
def test_it_answers_as_hydra_does(examples: int) -> None:
    @given(
        chosen=groups(), values=options({**VALUES, **RUN_ONLY}), odd=st.lists(ODD, max_size=1), data=st.data()
    )
    @settings(
        max_examples=examples, deadline=None, phases=[Phase.explicit, Phase.generate]
    )  # to shrink takes minutes
    def law(chosen: dict[str, str], values: dict[str, str], odd: list[str], data: st.DataObject) -> None:
        overrides = data.draw(st.permutations([*texts(chosen), *texts(values), *odd]))
        assert outcome(quick_compose, overrides) == outcome(compose, overrides)

    law()


@pytest.mark.parametrize("place", [-1, pytest.param(0, marks=pytest.mark.acceptance)])
@pytest.mark.parametrize("group", GROUPS)
def test_files_of_conf_are_put_together_and_compose_as_hydra_has_them(group: str, place: int) -> None:
    words = [f"{group}={choices(group)[place]}", "trainer.epochs=2"]
    assert quick._composed(words, hydra_compose.parse_overrides(words))  # does not go to Hydra whole
    assert quick_compose(words) == compose(words)


@pytest.mark.parametrize(
    "word",
    [
        pytest.param("objective=gspo", marks=pytest.mark.acceptance),
        "model=embedded",
        pytest.param("trainer=default", marks=pytest.mark.acceptance),
        "segmentation=line",
    ],
)
def test_an_experiment_holds_over_every_choice_of_what_it_sets(
    word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of files and options that another one names, and of an option that it sets to its default."""
    root = tmp_path / "conf"
    shutil.copytree(CONF_ROOT, root)
    (root / "experiment" / "mine.yaml").write_text(
        "# @package _global_\ndefaults:\n  - qwen25_math_1.5b\n  - _self_\nsegmentation: {rule: subsentence}\n"
    )
    monkeypatch.chdir(root.parent)
    words = ["experiment=mine", word]
    assert quick_compose(words) == compose([*words, "seed=0"])


FILES = {
    "defaults": "defaults:\n  - line\n  - _self_\nmin_tokens: 2\n",
    "interpolated": "rule: line\nmin_tokens: ${trainer.epochs}\n",
    "packaged": "# @package trainer\nepochs: 2\n",
    "elsewhere": "# @package _global_\ntrainer:\n  epochs: 2\nevaluation:\n  temperatures: [0.5]\n",
    "numbers": "rule: entropy_peak\nentropy_quantile: 9e-1\nmin_tokens: 0x2\n",
    "unknown": "rule: line\nmin_token: 2\n",
    "null_group": "",
}


@pytest.fixture(scope="module")
def beyond(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """conf/ with these files of segmentation."""
    root = tmp_path_factory.mktemp("beyond") / "conf"
    shutil.copytree(CONF_ROOT, root)
    for name, text in FILES.items():
        (root / "segmentation" / f"{name}.yaml").write_text(text)
    return root


@pytest.mark.parametrize("name", FILES)
def test_a_file_beyond_the_plain_language_goes_to_hydra(
    name: str, beyond: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(beyond.parent)
    hydra_compose._compose.cache_clear()
    overrides = [f"segmentation={name}", "trainer.lr=1e-3"]
    assert outcome(quick_compose, overrides) == outcome(compose, overrides)
    hydra_compose._compose.cache_clear()


def test_what_config_yaml_itself_sets_holds_for_choices_that_are_no_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "conf"
    shutil.copytree(CONF_ROOT, root)
    with (root / "config.yaml").open("a") as stream:
        stream.write("objective: {kl: {coef: 0.25}}\nreward: {overlong_buffer: 4}\n")
    monkeypatch.chdir(root.parent)
    for choice in ("objective=grpo", "reward=exact_answer"):
        config = quick_compose([choice])
        assert (config.objective.kl.coef, config.reward.overlong_buffer) == (0.25, 4)
        assert config == compose([choice, "seed=0"])
