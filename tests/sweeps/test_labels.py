"""Duplicate labels are refused when a study is planned, with the remedy."""

from __future__ import annotations

from typing import Any

import pytest

from sspo.errors import UserError
from sweeps.study.load import parse

PRESETS = {name: {"seeds": list(range(n))} for name, n in (("smoke", 1), ("default", 2), ("paper", 8))}
GRPO, HIGH = {"overrides": ["objective=grpo"]}, {"overrides": ["objective.clip.high=0.3"]}
OBJECTIVE = {"levels": {"grpo": {"label": "GRPO", **GRPO}, "sspo": {"label": "SSPO"}}}
CLIP = {"levels": {"low": {}, "high": HIGH}}


def refusal(content: dict[str, Any]) -> str:
    with pytest.raises(UserError) as refused:
        parse("mine", {"title": "t", "presets": PRESETS, **content})
    return str(refused.value)


@pytest.mark.parametrize("second", [" GRPO", "GRPO\n"])
def test_two_arms_of_one_label(second: str) -> None:
    arms = {"grpo": {"label": "GRPO", **GRPO}, "grpo_hi": {"label": second, **HIGH}}
    assert refusal({"baseline": "grpo", "arms": arms}) == (
        "arms grpo and grpo_hi are both labeled 'GRPO', so reports could not distinguish them; "
        "give one of them a different label"
    )


def test_a_label_that_is_the_name_of_an_arm_without_one() -> None:
    arms = {"grpo": GRPO, "grpo_hi": {"label": "grpo", **HIGH}}
    assert refusal({"baseline": "grpo", "arms": arms}).startswith(
        "arms grpo and grpo_hi are both labeled 'grpo'"
    )


def test_a_design_whose_label_leaves_a_factor_out() -> None:
    design = {"kind": "factorial", "label": "{objective}"}
    content = {"baseline": "grpo_low", "factors": {"objective": OBJECTIVE, "clip": CLIP}, "design": design}
    assert refusal(content) == (
        "arms grpo_low and grpo_high are both labeled 'GRPO', so reports could not distinguish them; "
        "put {clip}, in which they differ, into design.label"
    )


def test_levels_and_factors_of_one_label() -> None:
    same = {"levels": {"low": {"label": "ε"}, "high": {"label": "ε", **HIGH}}}
    content = {"baseline": "low", "factors": {"clip": same}, "design": {"kind": "factorial"}}
    assert refusal(content).startswith("factors.clip: levels low and high are both labeled 'ε'")
    factors = {"objective": {"label": "clip", **OBJECTIVE}, "clip": CLIP}
    content = {"baseline": "grpo_low", "factors": factors, "design": {"kind": "factorial"}}
    assert refusal(content).startswith("factors objective and clip are both labeled 'clip'")
