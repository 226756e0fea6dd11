"""What a run looks at before it begins."""

from __future__ import annotations

from sspo.compose.fast import quick_compose
from sspo.trainer.ready import rounded_ratios, trained_and_asked
from sspo.types import Problem


def problems(*texts: str) -> list[Problem]:
    return [Problem(id=str(i), prompt=text, answer="0") for i, text in enumerate(texts)]


def test_questions_that_are_trained_on_and_asked_are_counted_once_each() -> None:
    assert trained_and_asked(problems("a", "b"), problems("c")) is None
    said = trained_and_asked(problems("a", "b", "a", "c"), problems("a", "d", "c", "a"))
    assert said is not None
    assert said.startswith("warning: 2 of 3 evaluation questions are also trained on")


def test_ratios_to_a_sampler_that_rounds_are_warned_of() -> None:
    fast = quick_compose(["trainer.old_logp=sampler"])
    assert "tight clips act" in (rounded_ratios(fast, "bfloat16") or "")
    assert rounded_ratios(fast, "float32") is None
    assert rounded_ratios(quick_compose([]), "bfloat16") is None
