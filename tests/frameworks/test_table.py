"""The table of differences and the tests that pin it name each other."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

from sspo.objective.variants import VARIANTS
from tests.frameworks.agreements import VERL, VERL_ADVANTAGES, VERL_GRADIENTS, known
from tests.frameworks.differences import DIFFERENCES, NOWHERE, VERSIONS


def test_every_difference_is_pinned_and_every_pin_is_a_difference():
    pinned = [
        node.name.removeprefix("test_")
        for path in Path(__file__).parent.glob("test_*_differs.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    assert Counter(pinned) == Counter(difference.key for difference in DIFFERENCES)
    assert {difference.framework for difference in DIFFERENCES} == set(VERSIONS)


def test_differences_are_about_variants_and_options_of_ours():
    named = {name for difference in DIFFERENCES for name in difference.ours}
    assert named | set(NOWHERE) <= known()


def test_no_difference_is_about_a_variant_that_the_frameworks_do_not_have():
    assert not set(NOWHERE) & {name for difference in DIFFERENCES for name in difference.ours}


def test_rows_of_verl_without_an_advantage_of_their_own_have_its_grpo():
    """The page prints `adv_estimator=grpo` for them."""
    others = {*VERL, *VERL_GRADIENTS} - set(VERL_ADVANTAGES)
    assert {VARIANTS[name].advantage for name in others} == {VARIANTS["grpo"].advantage}
