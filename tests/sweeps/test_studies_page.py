"""docs/studies.md: every example loads, plans, and gives the arms that the page lists; no key is left out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from sspo.config.places import CONF_ROOT
from sweeps.plan.plan import make_plan
from sweeps.study.factors import KINDS, Design, Factor, Level
from sweeps.study.limits import Resources, Retries
from sweeps.study.load import load
from sweeps.study.spec import Arm, Budget, Gates, Preset, Primary, Replay, StudyHead

PAGE = (CONF_ROOT.parent / "docs" / "studies.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```\n\nArms: (.*?)\.\n", PAGE, flags=re.DOTALL)
PRESETS = {"smoke": {"seeds": 1}, "default": {"seeds": 3}, "paper": {"seeds": 8}}


def test_every_block_of_the_page_is_an_example_with_its_arms() -> None:
    assert PAGE.count("```yaml") == len(EXAMPLES) >= 6
    assert {yaml.safe_load(text).get("design", {}).get("kind") for text, _ in EXAMPLES} == {None, *KINDS}


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_of_the_page_plans_and_makes_the_arms_that_it_says(number: int, tmp_path: Path) -> None:
    text, arms = EXAMPLES[number]
    completed = text if "\npresets:" in text else text + yaml.safe_dump({"presets": PRESETS})
    (tmp_path / "example.yaml").write_text(completed)
    study = load(tmp_path, "example")
    assert list(study.arms) == re.findall(r"`(\w+)`", arms)
    for preset in study.presets:
        assert make_plan(study, preset, tmp_path).trials()


def test_the_page_says_of_the_factorial_what_each_arm_is_tested_against(tmp_path: Path) -> None:
    text = next(text for text, _ in EXAMPLES if "against:" in text)
    (tmp_path / "example.yaml").write_text(text + yaml.safe_dump({"presets": PRESETS}))
    against = {name: arm.against for name, arm in load(tmp_path, "example").arms.items()}
    assert against == {"grpo": None, "gspo": None, "grpo_lr3e_4": None, "gspo_lr3e_4": "grpo_lr3e_4"}


def test_the_page_names_every_key_of_a_spec() -> None:
    schemas = (
        StudyHead,
        Primary,
        Gates,
        Replay,
        Resources,
        Retries,
        Arm,
        Preset,
        Budget,
        Factor,
        Level,
        Design,
    )
    keys = {
        "arms",
        "presets",
        "factors",
        "design",
        *(key for one in schemas for key in one.__dataclass_fields__),
    }
    code = " ".join([*re.findall(r"`([^`\n]+)`", PAGE), *(text for text, _ in EXAMPLES)])
    assert not [key for key in sorted(keys) if not re.search(rf"\b{key}\b", code)]
