"""Comparisons of texts by hand: cuts, exact matches, ROUGE-L, n-grams and Wilson's interval."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import strategies as st

from sspo.contamination.overlap import is_checkable, overlapping
from sspo.contamination.words import common, cut, is_exact, normalized, rouge_l
from sspo.metrics.wilson import wilson
from sspo.types import Problem
from tests.laws import law

LETTERS = st.lists(st.sampled_from("abc"), max_size=6)
MANY = st.lists(st.sampled_from("ab"), max_size=12)


@pytest.mark.parametrize(
    ("share", "shown"),
    # of 5 words: 0.4 x 5 = 2, 0.6 x 5 = 3 though 0.6 * 5 < 3 might be, 0.79 x 5 = 3.95, rounded down; never none, never all
    [
        (0.4, "a  b"),
        (0.6, "a  b\nc"),
        (0.79, "a  b\nc"),
        (0.8, "a  b\nc d"),
        (0.01, "a"),
        (0.99, "a  b\nc d"),
    ],
)
def test_a_question_is_cut_after_a_share_of_its_words(share: float, shown: str) -> None:
    text = "a  b\nc d e?"
    assert cut(text, share) == (shown, text[len(shown) :])


def test_one_word_cannot_be_cut() -> None:
    assert cut(" Why? ", 0.5) is None


@pytest.mark.parametrize(
    ("continuation", "exact", "rouge"),
    [
        (" does she\n have left? And then", True, 1.0),  # cut to 4 words; space of any kind is one space
        (" does she have left", False, 0.75),  # 'left' is not 'left?': 3 of 4 and 4 words, 2 x 3 / 8
        (
            " she really does have left? more",
            False,
            0.5,
        ),  # first 4: she .. have; common: she have = 2, 2 x 2 / 8
        (" left?", False, 0.4),  # 1 of 1 and 4 words: 2 x 1 / 5
        ("", False, 0.0),
    ],
)
def test_a_continuation_is_compared_with_the_rest(continuation: str, exact: bool, rouge: float) -> None:
    rest = " does she have left?"
    assert is_exact(continuation, rest) is exact
    assert rouge_l(continuation, rest) == pytest.approx(rouge)


@law(30, 500, first=LETTERS, second=LETTERS)
def test_common_words_are_those_of_the_longest_common_subsequence(
    first: list[str], second: list[str]
) -> None:
    subsequences = [
        {tuple(x[i] for i in places) for n in range(len(x) + 1) for places in combinations(range(len(x)), n)}
        for x in (first, second)
    ]
    assert common(first, second) == max(map(len, subsequences[0] & subsequences[1]))


def test_questions_overlap_if_n_words_in_a_row_are_trained_on() -> None:
    training = [
        Problem(id="t0", prompt="Unrelated words.", answer="1"),
        Problem(id="t1", prompt="So: THE red fox runs, and what is two plus 2?", answer="1"),
        Problem(id="t2", prompt="the red fox runs", answer="1"),
    ]
    questions = [
        "A dog and the red, fox-runs!",  # 'the red fox runs' in both, t1 first
        "The red dog and the fox runs",  # no four words in a row
        "2?",  # shorter than four words, and than eight: not looked for
        "plus two",  # its words are there in another order
        "???",  # no word
    ]
    assert overlapping(questions, training, 4) == {0: "t1"}
    assert [is_checkable(question, 4) for question in questions] == [True, True, False, False, False]
    assert overlapping(questions, training, 5) == {}


def test_a_question_of_eight_words_is_looked_for_as_a_whole_and_one_of_seven_is_not() -> None:
    seven = "one two three four five six seven"
    training = [Problem(id="t", prompt=f"So {seven} eight nine", answer="1")]
    assert overlapping([seven, f"{seven} eight", f"{seven} nine"], training, 13) == {1: "t"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Cafe\u0301 ﬁve STRASSE x²", ["café", "five", "strasse", "x2"]),  # one é, no ligature
        ("Straße", ["strasse"]),
        ("राम के पास ३ सेब", ["राम", "के", "पास", "३", "सेब"]),  # vowel signs stay in their word
        (
            "小明有3个苹果，",
            ["小", "明", "有", "3", "个", "苹", "果"],
        ),  # no space between words: a character each
        ("\\frac{1}{2}?", ["frac", "1", "2"]),
        ("?!", []),
    ],
)
def test_words_are_compared_without_case_and_by_unicode(text: str, words: list[str]) -> None:
    assert normalized(text) == words


def test_chinese_is_cut_by_characters() -> None:
    text = "小明有3个苹果，他呢？"  # 11 characters, no space: 0.4 x 11 = 4.4
    assert cut(text, 0.4) == ("小明有3", "个苹果，他呢？")
    assert is_exact("个苹果，他呢？然后", "个苹果，他呢？")
    # the first 7 of it: 个 果 ， 他 呢 ？ and one more; 6 in common of 7 and 7
    assert rouge_l("个果，他呢？然后", "个苹果，他呢？") == pytest.approx(6 / 7)


@law(
    30,
    500,
    questions=st.lists(MANY, max_size=4),
    training=st.lists(MANY, max_size=4),
    n=st.integers(2, 11),
)
def test_overlap_is_that_of_spelt_out_texts(
    questions: list[list[str]], training: list[list[str]], n: int
) -> None:
    texts = [f" {' '.join(words)} " for words in training]
    found = overlapping(
        [" ".join(words) for words in questions],
        [Problem(id=str(i), prompt=text, answer="1") for i, text in enumerate(texts)],
        n,
    )
    for place, words in enumerate(questions):
        size = min(n, len(words))
        pieces = [f" {' '.join(words[i : i + size])} " for i in range(len(words) - size + 1)]
        if len(words) < min(n, 8):
            pieces = []
        holders = [str(i) for i, text in enumerate(texts) if any(piece in text for piece in pieces)]
        assert found.get(place) == (holders[0] if holders else None)


@pytest.mark.parametrize(
    ("events", "n", "low", "high"),
    [
        # z = 1.959964, z^2 = 3.841459. 0 of 10: high = z^2 / (10 + z^2)
        (0, 10, 0.0, 3.841459 / 13.841459),
        (10, 10, 10 / 13.841459, 1.0),
        # 5 of 10: 0.5 -+ z sqrt(0.25 / 10 + z^2 / 400) / (1 + z^2 / 10) = 0.5 -+ 1.959964 x sqrt(0.0346037) / 1.3841459
        (5, 10, 0.5 - 0.263407, 0.5 + 0.263407),
    ],
)
def test_wilson_by_hand(events: int, n: int, low: float, high: float) -> None:
    assert wilson(events, n) == pytest.approx((low, high), abs=1e-6)


def test_wilson_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="0 events of 0"):
        wilson(0, 0)
