"""The laws of cases, agreement and pieces on real vocabularies, which are read from packages once, for this file alone."""

from __future__ import annotations

import pytest

from tests.segmentation.test_agreement import assert_equal_on_hard_text, assert_equal_on_solutions
from tests.segmentation.test_cases import OF_TEXT, assert_cut_at_bars
from tests.segmentation.test_vocabulary import assert_pieces_join
from tests.segmentation.vocabularies import REAL

pytestmark = [pytest.mark.acceptance, pytest.mark.parametrize("name", ["qwen2.5", "smollm2"])]


@pytest.mark.parametrize("rule", OF_TEXT)
def test_text_is_cut_where_the_bars_are(rule, name):
    assert_cut_at_bars(rule, REAL[name]())


def test_every_cut_of_real_solutions_is_where_the_reference_has_it(name):
    assert_equal_on_solutions(REAL[name](), 1_000)


def test_every_cut_of_much_hard_text(name):
    assert_equal_on_hard_text(REAL[name](), 1_000)


def test_pieces_join_to_the_text(name):
    assert_pieces_join(REAL[name]())
