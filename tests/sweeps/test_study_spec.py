"""A study's spec: what is wrong is refused in one sentence that names it and the nearest valid choice."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from sspo.errors import UserError
from sweeps.study import load, parse

GOOD: dict[str, Any] = {
    "title": "t",
    "baseline": "grpo",
    "arms": {
        "grpo": {"overrides": ["objective=grpo"]},
        "sspo": None,
        "again": {"copy_of": "grpo", "seed_offset": 9},
    },
    "gates": {"token_arm": "grpo"},
    "presets": {"default": {"seeds": [0, 1]}},
}


def changed(*path: str, value: Any) -> dict[str, Any]:
    spec = copy.deepcopy(GOOD)
    inner = spec
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return spec


def test_defaults_fill_what_a_spec_leaves_out() -> None:
    study = parse("small", GOOD)
    assert (study.head.test, study.head.primary.mode, study.head.gates.no_clip_margin) == (
        "paired",
        "sampled",
        0.2,
    )
    assert (study.arms["sspo"].role, study.presets["default"].arms) == ("arm", None)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (changed("titel", value="x"), "did you mean 'title'"),
        (changed("baseline", value="grpoo"), "did you mean 'grpo'"),
        (changed("test", value="pared"), "did you mean 'paired'"),
        (changed("primary", value={"mode": "greedi"}), "did you mean 'greedy'"),
        (changed("gates", value={"token_arn": "grpo"}), "did you mean 'gates.token_arm'"),
        (changed("gates", "token_arm", value="sspoo"), "did you mean 'sspo'"),
        (changed("arms", "sspo", value={"overide": []}), "did you mean 'arms.sspo.overrides'"),
        (changed("arms", "sspo", value={"role": "noclip"}), "did you mean 'no_clip'"),
        (changed("arms", "again", "copy_of", value="gropo"), "did you mean 'grpo'"),
        (changed("arms", "sspo", value={"copy_of": "again"}), "'again' is itself a copy"),
        (changed("arms", "again", "overrides", value=["objective=sspo"]), "has none of its own"),
        (changed("arms", "sspo", value={"overrides": ["seed=3"]}), "'seed=3' is set by the sweep"),
        (changed("arms", "sspo", value={"overrides": "objective=sspo"}), "must be a list"),
        (changed("arms", value={}), "arms must name at least one"),
        (changed("arms", "Big Arm", value=None), "got 'Big Arm'"),
        (changed("presets", "papper", value={"seeds": [0]}), "did you mean 'paper'"),
        (changed("presets", "default", "arms", value=["grpo", "sspi"]), "did you mean 'sspo'"),
        (changed("presets", "default", "seeds", value=[]), "presets.default.seeds"),
        (changed("presets", "default", "seeds", value=[0, -1]), "got [0, -1]"),
        (changed("presets", "default", "seeds", value=[1, 1]), "got [1, 1]"),
        (changed("presets", "default", "seeds", value=["one"]), "must be of type int, got 'one'"),
    ],
)
def test_a_spec_that_makes_no_sense_is_refused_in_one_sentence(spec: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError) as refusal:
        parse("small", spec)
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_an_arm_that_is_written_twice_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "twice.yaml").write_text("baseline: a\narms:\n  a: {}\n  a: {label: other}\npresets: {}\n")
    with pytest.raises(UserError, match=r"'a' is given twice, again at line 4"):
        load(tmp_path, "twice")


def test_a_file_that_is_no_yaml_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "torn.yaml").write_text("title: x\narms: [\n")
    with pytest.raises(UserError, match=r"torn\.yaml is not valid YAML at line 3"):
        load(tmp_path, "torn")


def test_the_hash_of_a_spec_follows_its_meaning_and_not_its_layout() -> None:
    spelled_out = changed("test", value="paired")
    assert parse("small", spelled_out).sha256() == parse("small", GOOD).sha256()
    assert parse("small", changed("test", value="welch")).sha256() != parse("small", GOOD).sha256()
