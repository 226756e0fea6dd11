"""The user's regular expressions end in time, wherever they are used."""

from __future__ import annotations

import threading
import time

import pytest
import torch

from sspo.compose.fast import quick_compose
from sspo.config import SegmentationConfig, patterns
from sspo.errors import UserError
from sspo.segmentation import segment
from tests.segmentation.vocabularies import single_bytes

SLOW = "(a+)+b"


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(patterns, "SECONDS", 1)


def refused(pattern):
    with pytest.raises(UserError) as error:
        quick_compose(["segmentation=regex", f"segmentation.pattern='{pattern}'"])
    return str(error.value)


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ("a{1,99999999999}", "the repetition number is too large"),
        ("(" * 900 + "a" + ")" * 900, "nests too deep"),
        ("(" * 2000 + "a" + ")" * 2000, "must have at most 2000 characters, got 4001"),
        ("[", "unterminated character set"),
        ("a*", "matches the empty text"),
    ],
)
def test_what_is_no_bounded_expression_is_refused_in_one_sentence(pattern, wanted):
    said = refused(pattern)
    assert wanted in said
    assert "\n" not in said
    assert len(said) < 250


def test_an_expression_that_takes_ever_longer_is_refused_before_any_work(impatient):
    start = time.process_time()
    assert "takes more than 1 s on a short text; a repeat inside a repeat" in refused(SLOW)
    assert time.process_time() - start < 5
    assert (
        quick_compose(["segmentation=regex", "segmentation.pattern='(Step [0-9]+)+:'"]).segmentation.rule
        == "regex"
    )


def test_a_text_that_takes_too_long_ends_the_run_with_one_sentence_in_every_thread(impatient):
    ids = torch.tensor([single_bytes()("a" * 40)["input_ids"]])
    config = SegmentationConfig(rule="regex", pattern=SLOW)
    sentences = []

    def cut():
        with pytest.raises(UserError, match="takes more than 1 s on a response of 40 characters") as error:
            segment(ids, torch.ones_like(ids).bool(), config, single_bytes())
        sentences.append(str(error.value))

    cut()
    other = threading.Thread(target=cut)
    other.start()
    other.join(30)
    assert len(sentences) == 2


def test_both_ways_to_match_find_the_same():
    texts = ["a. b? c", "", "é. \udcff. ", "no"]
    wanted = [[(1, 3), (4, 6)], [], [(1, 3), (4, 6)], []]
    assert patterns.match_spans(r"[.?!]\s", texts) == wanted
    assert patterns.in_child(r"[.?!]\s", texts, 1) == wanted
