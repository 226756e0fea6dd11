"""The list of options that help texts and pages print: complete, with the choices that validation takes."""

from __future__ import annotations

import pytest

from sspo.compose.hydra_compose import GROUPS, option_keys
from sspo.config import TrainConfig
from sspo.config.build import build
from sspo.config.options import TOP, groups, options, shown_value
from sspo.config.validation import validate
from sspo.errors import UserError

LISTED = {option.key: option for option in options()}


def test_every_option_is_listed_with_a_meaning_of_its_own() -> None:
    assert list(LISTED) == [key for key in option_keys() if key not in GROUPS]
    assert not [key for key, option in LISTED.items() if len(option.meaning) < 10 or option.meaning[0] == "."]
    assert {option.group for option in LISTED.values()} == {TOP, *groups()}
    assert all(groups().values())


def test_a_closed_list_of_choices_is_the_one_that_validation_takes() -> None:
    for key, option in LISTED.items():
        if not option.choices or option.open:
            continue
        assert option.default in option.choices
        values: object = "no-such-choice"
        for part in reversed(key.split(".")):
            values = {part: values}
        assert isinstance(values, dict)
        with pytest.raises(UserError, match=f"unknown {key} 'no-such-choice'") as refused:
            validate(build(TrainConfig, values))
        assert all(name in str(refused.value) for name in option.choices)


def test_defaults_are_shown_as_a_command_line_has_them() -> None:
    assert shown_value(LISTED["task.eval"].default) == "[]"
    assert shown_value(LISTED["objective.bounds.target_range"].default) == "[1e-05,0.9]"
    assert shown_value(LISTED["segmentation.protect_code"].default) == "true"
    assert shown_value(LISTED["run.parity"].default) == "null"
    assert LISTED["evaluation.questions"].fitted == 50
