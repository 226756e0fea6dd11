"""A cell is what a run computes: the same by any route of overrides, another by any option that changes numbers."""

from __future__ import annotations

import itertools
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import sspo.compose.hydra_compose
from sspo.compose.fast import quick_compose
from sspo.compose.hydra_compose import GROUPS, compose, option_keys
from sspo.config import TrainConfig
from sspo.config.places import CONF_ROOT
from sspo.errors import UserError
from sspo.runs.identity import cell_hash
from tests.laws import law
from tests.overrides import CONDITIONAL, OF_OWN, OF_QUESTIONS, RUN_ONLY, VALUES, groups, options, texts

FRESH = itertools.count()


@pytest.fixture(scope="module")
def conf(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A copy of conf/ that tests may write experiments into."""
    root = tmp_path_factory.mktemp("root") / "conf"
    shutil.copytree(CONF_ROOT, root)
    patch = pytest.MonkeyPatch()
    patch.chdir(root.parent)
    yield root
    patch.undo()


def composed(overrides: list[str]) -> TrainConfig | None:
    """The config; None where the options exclude each other."""
    try:
        return quick_compose(overrides)
    except UserError:
        return None


def leaves(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Option key -> value."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= leaves(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return found


def as_override(key: str, value: Any) -> str:
    """An option as Hydra's grammar has it."""
    if isinstance(value, str):
        escaped = value.replace("'", "\\'")
        return f"{key}='{escaped}'"
    if isinstance(value, tuple):
        return f"{key}=[{','.join(map(str, value))}]"
    return f"{key}={'null' if value is None else str(value).lower() if isinstance(value, bool) else value}"


def nested(flat: dict[str, Any]) -> dict[str, Any]:
    """As a YAML file has them."""
    tree: dict[str, Any] = {}
    for key, value in flat.items():
        *path, last = key.split(".")
        inner = tree
        for part in path:
            inner = inner.setdefault(part, {})
        inner[last] = list(value) if isinstance(value, tuple) else value
    return tree


def cell_by_experiment(conf: Path, flat: dict[str, Any], composer: Any) -> str:
    """The cell of a YAML experiment that sets the options."""
    name = f"generated_{next(FRESH)}"
    path = conf / "experiment" / f"{name}.yaml"
    path.write_text("# @package _global_\n" + yaml.safe_dump(nested(flat)))
    try:
        return cell_hash(composer([f"experiment={name}"]))
    finally:
        path.unlink()


@pytest.mark.parametrize("examples", [3, pytest.param(60, marks=pytest.mark.acceptance)])
def test_a_cell_is_the_same_by_every_route(conf: Path, examples: int) -> None:
    @given(chosen=groups(), values=options(VALUES), run_only=options(RUN_ONLY, most=3), data=st.data())
    @settings(max_examples=examples, deadline=None)
    def law(
        chosen: dict[str, str], values: dict[str, str], run_only: dict[str, str], data: st.DataObject
    ) -> None:
        written = [*texts(chosen), *texts(values)]
        config = composed(written)
        assume(config is not None)
        assert config is not None
        cell = cell_hash(config)
        shuffled = data.draw(st.permutations([*written, *texts(run_only)]))
        assert cell_hash(quick_compose(shuffled)) == cell
        flat = leaves(asdict(config))
        # some options have other defaults where the model is not embedded
        model = {"model.path": config.model.path}
        defaults = leaves(asdict(quick_compose([as_override(*pair) for pair in model.items()])))
        spelled_out = {
            key: flat[key] for key in data.draw(st.lists(st.sampled_from(sorted(flat)), max_size=4))
        }
        explicit = [
            *written,
            *(as_override(key, value) for key, value in spelled_out.items() if key not in values),
        ]
        assert cell_hash(quick_compose(explicit)) == cell
        differences = model | {key: value for key, value in flat.items() if value != defaults[key]}
        assert cell_hash(quick_compose([as_override(*pair) for pair in differences.items()])) == cell
        assert cell_by_experiment(conf, {**differences, **spelled_out}, quick_compose) == cell

    law()


def test_hydra_itself_gives_a_yaml_experiment_the_same_cell(conf: Path) -> None:
    flat = {
        "objective.clip.high": 3e-4,
        "evaluation.temperatures": (1.0, 0.5),
        "segmentation.pattern": r"[.]\s",
    }
    cell = cell_hash(quick_compose([as_override(*pair) for pair in flat.items()]))
    sspo.compose.hydra_compose._compose.cache_clear()
    assert cell_by_experiment(conf, flat, compose) == cell == cell_by_experiment(conf, flat, quick_compose)


# another model's answers depend on no batch, unless an option says so
EMBEDDED = groups().filter(lambda chosen: chosen.get("model", "embedded").startswith("embedded"))


@law(15, 450, chosen=EMBEDDED, values=options(VALUES), key=st.sampled_from(sorted(VALUES)))
def test_whatever_changes_numbers_changes_the_cell(
    chosen: dict[str, str], values: dict[str, str], key: str
) -> None:
    configs = []
    for value in VALUES[key]:
        config = composed([*texts(chosen), *texts({**values, key: value})])
        if config is not None:
            configs.append((leaves(asdict(config))[key], cell_hash(config)))
    for (left, left_cell), (right, right_cell) in itertools.combinations(configs, 2):
        assert (left == right) == (left_cell == right_cell), key


def test_every_option_is_known_to_change_the_cell_or_not_to() -> None:
    known = {*VALUES, *CONDITIONAL, *RUN_ONLY, *OF_QUESTIONS, *OF_OWN}
    assert known == set(option_keys()) - set(GROUPS)
    plain = cell_hash(quick_compose([]))
    for key, (condition, one, other) in CONDITIONAL.items():
        cells = {cell_hash(quick_compose([*condition, f"{key}={value}"])) for value in (one, other)}
        assert len(cells) == 2, key
    for key, (one, other) in RUN_ONLY.items():
        assert (
            cell_hash(quick_compose([f"{key}={one}"]))
            == plain
            == cell_hash(quick_compose([f"{key}={other}"]))
        ), key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["reward.also=['brevity*0.05','boxed_format*1']"], ["reward.also=['boxed_format * 1.0','brevity*0.050']"]),
        (["rollout.stop=[a,b]"], ["rollout.stop=[b,a]"]),
    ],
)  # fmt: skip
def test_one_run_has_one_cell_however_it_is_written(one: list[str], other: list[str]) -> None:
    assert cell_hash(quick_compose(one)) == cell_hash(quick_compose(other)) != cell_hash(quick_compose([]))
