"""A look is spent once, is not forgotten with its file, and is not avoided by taking the registration away."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.registration.small_study import NAME, Played


@pytest.fixture
def looked(tmp_path: Path) -> Played:
    """At the planned look: four seeds of both arms have ended."""
    played = Played(tmp_path)
    plan = played.plan()
    played.register(plan)
    played.run(plan, trials=8)
    return played


def test_a_planned_look_is_spent_once(looked: Played) -> None:
    first = looked.report()
    assert (first.at_look, looked.report()) == (4, first)  # the same data again are the same look
    looked.run(looked.plan(), trials=9)  # grpo has a fifth seed, gspo four
    now = looked.report()
    assert (now.seeds, now.at_look, now.alpha) == (4, None, None)
    assert "the planned look at 4 seeds was already taken on other data; no p, no bold" in now.marks[1]
    assert [look["planned"] for look in looked.looks()] == [True]
    assert looked.report(look=True).alpha == 0.05
    assert [look["planned"] for look in looked.looks()] == [True, False]
    assert any(mark.startswith("Unplanned look at 4 of 8 seeds") for mark in looked.report().marks)


def test_a_look_is_not_forgotten_with_its_file(looked: Played) -> None:
    looked.run(looked.plan(), trials=10)
    looked.report(look=True)
    (looked.registrations / f"{NAME}.looks.jsonl").unlink()
    assert any(mark.startswith("Unplanned look at 5 of 8 seeds") for mark in looked.report().marks)


def test_without_its_registration_an_unfinished_study_is_not_tested(looked: Played) -> None:
    registration = looked.registrations / f"{NAME}.json"
    kept = registration.read_text()
    registration.unlink()
    now = looked.report()
    assert (now.state, now.alpha) == ("exploratory", None)
    assert "which was not found" in now.marks[0]
    registration.write_text(kept)
    assert looked.report().at_look == 4
