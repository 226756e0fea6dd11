"""The second grader: what is equal, what is not, and how it says that it cannot read."""

import itertools

import pytest
from hypothesis import strategies as st

from sspo.grading.second.grader import _same, judge, readings
from sspo.grading.second.tokens import cleaned
from tests.grading.golds import SETS, by_question
from tests.grading.golds import golds as every_gold
from tests.laws import law
from tests.shared_data import needs_data

EQUAL = [
    # lists, sets, tuples
    (r"x = 3 \text{ or } x = 5", "3,5"),
    (r"\{(1,2),(3,4)\}", "(3,4),(1,2)"),
    (r"-5 \text{ or } 5", r"\pm 5"),
    (r"(x,y) = (1,2)", "(1,2)"),
    (r"\langle 1, 2, 3\rangle", "(1,2,3)"),
    (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", "(1,2)"),
    # intervals and inequalities
    (r"(-\infty, 3) \cup (3, \infty)", r"x \neq 3"),
    (r"x<2 \text{ or } x>3", r"(3,\infty)\cup(-\infty,2)"),
    (r"\{x : x > 2\}", r"(2,\infty)"),
    (r"\mathbb{R}", r"(-\infty,\infty)"),
    (r"2x - 4 > 0", r"x - 2 > 0"),  # both sides halved
    # equations
    (r"y=\frac{1}{2}x-3", "x-2y=6"),  # times 2, sides moved
    ("f(x) = 2x", "2x"),
    ("AB = 5", "5"),
    (r"2 \sqrt{2} \approx 2.83", r"2\sqrt{2}"),
    # numbers
    ("0.1+0.2", "0.3"),
    ("3:2", r"\frac{3}{2}"),
    (r"1 \frac{1}{2}", "3/2"),
    ("5!", "120"),  # 5 * 4 * 3 * 2
    (r"2^{1009}", r"2^{1008}\cdot 2"),
    (r"0.1\overline{6}", r"\frac{1}{6}"),  # 1/10 + 6/90 = 15/90
    (r"\log_2 8", "3"),
    (r"\tan^{-1}(1)", r"\frac{\pi}{4}"),
    (r"\sqrt[3]{-8}", "-2"),
    (r"e^{i\pi}", "-1"),
    (r"\sin\pi", "0"),
    (r"(\sqrt{2}+1)(\sqrt{2}-1)", "1"),  # 2 - 1
    (r"\dfrac{1}{2}\text{ hour}", r"30 \text{ minutes}"),
    (r"4\frac{1}{2}\%", r"4.5\%"),
    ("12", r"12\,\mathrm{cm}^2"),
    # expressions with letters
    (r"\frac{x+1}{x-1}", r"1+\frac{2}{x-1}"),
    (r"\sin^2 x", r"1-\cos^2 x"),
    ("n!", "n(n-1)!"),
    (r"\lfloor n/2 \rfloor + 1", r"\lceil (n+1)/2 \rceil"),  # whole n: both k + 1 at 2k and at 2k + 1
    (r"\frac{1+(-1)^n}{2}", r"\cos^2\frac{\pi n}{2}"),  # 1 at even n, 0 at odd n
    (r"\sqrt{x^2}", "|x|"),
    (r"\frac{\pi}{2} + k\pi, k \in \mathbb{Z}", r"\frac{\pi}{2}+k\pi"),
    # words
    (r"\text{Yes}", "yes"),
    (r"\text{(A)} 12", "A"),
]
DIFFERENT = [
    ("C", "c"),
    ("y=-2", "x=-2"),
    ("(0,1)", "[0,1]"),
    ("-x>2", "x>2"),
    ("|x|", "x"),
    ("3.14", r"\pi"),
    (r"\frac{22}{7}", r"\pi"),
    ("10^{100}", "10^{100}+1"),
    ("e^{-40}", "0"),  # 4e-18: small is not zero
    ("1e-19", "1e-20"),
    (r"\infty", r"-\infty"),
    (r"2 \text{ hours}", r"2 \text{ minutes}"),
    ("12, 13", "12.13"),
    (r"I(0)e^{-t}", "0"),
    ("n", "k"),
    (r"\{1\}", r"\{1,1,2\}"),
    (r"\text{east}", r"\text{west}"),
    ("f(x)=2x", "f(x)=3x"),
    (r"\binom{5}{2}", r"\binom{5}{1}"),  # 10 and 5
]


@pytest.mark.parametrize(("a", "b"), EQUAL)
def test_equal_whichever_is_the_gold_answer(a, b):
    assert judge(f"\\boxed{{{a}}}", [b]).status == judge(f"\\boxed{{{b}}}", [a]).status == "ok"


@pytest.mark.parametrize(("a", "b"), DIFFERENT)
def test_different_whichever_is_the_gold_answer(a, b):
    assert judge(f"\\boxed{{{a}}}", [b]).status == judge(f"\\boxed{{{b}}}", [a]).status == "wrong"


@pytest.mark.parametrize(
    ("text", "gold"),
    [
        ("**Answer:** 42", "42"),
        ("**Final Answer**: $42$", "42"),
        ("The final answer is:\n\\[\n{10}\n\\]", "10"),
        ("The correct option is (B).", "B"),
        ("The answer is $\\frac{1}{2}$ of the total.", "0.5"),
        ("The answer is 3 and 5.", "3,5"),
        ("The answer is (1, 2).", "(1,2)"),
        ("So the number of ways is \\({132}\\).", "132"),
        ("12 minus 5 is 7, and so it is \\frac{1}{2}.", "1/2"),
        ("Total cost: $1,200.50", "1200.5"),
        ("He has 5 apples.", "5"),
        ("$x=2$", "2"),
        ("The final answer is $\\boxed{7}$. I hope it is correct: 8.", "7"),
        ("\\boxed 7", "7"),
        ("\\boxed{3}, \\boxed{4} and $\\boxed{5}$", "5,4,3"),
    ],
)
def test_the_answer_is_found(text, gold):
    assert judge(text, [gold]).status == "ok"
    assert judge(text, ["6", gold]).status == "ok"
    assert judge(text, ["6"]).status == "wrong"


@pytest.mark.parametrize(
    "text",
    ["", "   ", "\\boxed{}", "\\boxed{7", "\\boxed{\\frac{1}{}}", "\\boxed{)(}", "\\boxed{9^{9^{9}}}", "\\boxed{2 3}",
     "\\boxed{\\int x dx}", "\\boxed{" + "(" * 50 + "1" + ")" * 50 + "}", "\\boxed{" + "1+" * 900 + "1}"],
)  # fmt: skip
def test_what_cannot_be_read_is_unparsable_and_no_wrong_answer(text):
    score = judge(text, ["5"])
    assert (score.value, score.status) == (0.0, "unparsable")


@pytest.mark.parametrize(
    "text",
    ["3, 5", "The answer is 3 and 5.", "\\boxed{3, 5}", "\\boxed{3} or \\boxed{5}", "$\\boxed{5}$. No, $\\boxed{3}$.", "$5$ or so: $3$"],
)  # fmt: skip
def test_naming_the_right_answer_beside_another_is_wrong(text):
    assert judge(text, ["5"]).status == "wrong"


def test_an_unfinished_box_hides_an_earlier_answer():
    assert judge("$\\boxed{5}$. Let me check: $\\boxed{6", ["5"]).status == "unparsable"


NEIGHBORS = {("5", "x=5")}
"""Questions in a row whose answers happen to be equal, in other words."""


@needs_data
def test_gold_answers_of_five_benchmarks_are_right():
    golds = every_gold(*SETS)
    assert len(golds) == 1_639
    assert [gold for gold in golds if judge(f"\\boxed{{{gold}}}", [gold]).status != "ok"] == []


@needs_data
def test_all_but_one_of_them_are_read_and_not_only_the_same_text():
    unread = []
    for gold in every_gold(*SETS):
        trees = readings(cleaned(gold)), readings(cleaned(gold))
        if not all(trees) or not _same(trees[0][0], trees[1][0]):
            unread.append(gold)
    assert unread == ["$t(0,4]$"]  # a letter before an interval: a slip of the data


@needs_data
def test_gold_answers_in_another_dress_are_right():
    golds = every_gold(*SETS)
    dressed = [
        gold.replace(r"\frac", r"\dfrac")
        .replace("(", r"\left( ")
        .replace(")", r"\right) ")
        .replace("+", r" \; + ")
        for gold in golds
    ]
    changed = [(gold, other) for gold, other in zip(golds, dressed, strict=True) if gold != other]
    refused = [gold for gold, other in changed if judge(f"\\boxed{{{other}}}", [gold]).status != "ok"]
    assert len(changed) == 408
    assert refused == []


@needs_data
def test_gold_answers_of_the_next_question_are_wrong():
    golds = [answers[0] for answers in by_question(*SETS)]
    pairs = itertools.pairwise(golds)
    accepted = {(a, b) for a, b in pairs if a != b and judge(f"\\boxed{{{b}}}", [a]).status == "ok"}
    assert accepted == NEIGHBORS


@needs_data
def test_alternatives_of_one_question_are_equal_but_where_they_are_other_numbers():
    """Minerva names up to three right answers a question; a person wrote them, and these four pairs are not equal."""
    pairs = [(a, b) for answers in by_question("minerva") for a in answers for b in answers if a != b]
    refused = {(a, b) for a, b in pairs if judge(f"\\boxed{{{a}}}", [b]).status != "ok"}
    assert len(pairs) == 92
    assert {(a, b) for a, b in refused if a < b} == {
        ("0.01", "0.02"),
        ("6630", "6630.65"),
        (r"3.52 \times 10^2", r"3.53 \times 10^2"),
        (
            r"\frac{\cos (2 t)}{15}",
            r"\frac{\cos (2 t)}{15}+C_{1} e^{t}+C_{2} e^{-t}+C_{3} \cos (t)+C_{4} \sin (t)",
        ),
    }
    assert len(refused) == 8  # both orders


NUMBERS = st.one_of(
    st.integers(-99, 99).map(str),
    st.tuples(st.integers(-99, 99), st.integers(1, 99)).map(lambda pair: rf"\frac{{{pair[0]}}}{{{pair[1]}}}"),
    st.decimals(-99, 99, places=2, allow_nan=False).map(str),
    st.sampled_from([r"\pi", r"\sqrt{2}", r"\sqrt{3}", "x", "n", "i", r"\theta", "x^2", r"\sin n"]),
)


def _grown(inner):
    pair = st.tuples(inner, inner)
    return st.one_of(
        pair.map(lambda p: f"({p[0]} + {p[1]})"),
        pair.map(lambda p: f"({p[0]})({p[1]})"),
        inner.map(lambda e: rf"\sqrt{{{e}}}"),
        inner.map(lambda e: f"-({e})"),
    )


EXPRESSIONS = st.recursive(NUMBERS, _grown, max_leaves=3)


@law(20, 200, a=EXPRESSIONS, b=EXPRESSIONS)
def test_laws_of_arithmetic(a, b):
    """Sums and products commute, a - a adds nothing, and one more is another number; verdicts do not depend on the order."""
    assert judge(rf"\boxed{{{a} + {b}}}", [rf"{b} + {a}"]).status == "ok"
    assert judge(rf"\boxed{{({a})({b})}}", [rf"\left({b}\right) \cdot \left({a}\right)"]).status == "ok"
    assert judge(rf"\boxed{{{a} + ({b}) - ({b})}}", [a]).status == "ok"
    assert judge(rf"\boxed{{{a} + 1}}", [a]).status == "wrong"
    assert judge(rf"\boxed{{{a}}}", [b]).value == judge(rf"\boxed{{{b}}}", [a]).value


@law(30, 300, text=st.text(max_size=80), gold=st.text(max_size=40), boxed=st.booleans())
def test_any_text_gets_a_score(text, gold, boxed):
    score = judge(rf"\boxed{{{text}}}" if boxed else text, [gold])
    assert (score.value, score.status) in ((1.0, "ok"), (0.0, "wrong"), (0.0, "unparsable"))
