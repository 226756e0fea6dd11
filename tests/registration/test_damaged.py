"""Registrations, looks and carried plans from other hands: one sentence each, or a report that says exploratory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from analysis.logs.manifest import from_manifest
from analysis.registration.looks import read_looks
from analysis.registration.record import Amendment, Registration, read_registration, write_registration
from analysis.registration.standing import stands
from sspo.errors import UserError

ARMS = [
    {
        "name": name,
        "cell": name * 12,
        "role": "arm",
        "seeds": [0, 1, 2, 3, 4],
        "against": None,
        "copy_of": None,
    }
    for name in "ab"
]
PLAN: dict[str, Any] = {
    "test": "welch",
    "primary": {"mode": "sampled", "temperature": 1.0},
    "smallest_effect": 0.02,
    "baseline": "a",
    "gates": {},
    "looks": [4],
    "arms": ARMS,
    "claims": {},
}
MANIFEST = {"study": "small", "preset": "paper", "title": "t", "question": "q", **PLAN}


def registration(**plan: Any) -> Registration:
    made = {
        "study": "small",
        "preset": "paper",
        "time": "2026-11-29T10:02:00Z",
        "stopping": "",
        "versions": {},
    }
    return Registration(**made, plan={**PLAN, **plan}).sealed()


@pytest.mark.parametrize(
    "plan",
    [
        {"looks": [9]},
        {"looks": [0]},
        {"looks": "x"},
        {"arms": []},
        {"arms": [{}]},
        {"claims": {"x": 1}},
        {"claims": 1},
    ],
)
def test_a_registration_that_makes_no_sense_is_one_sentence(tmp_path: Path, plan: dict[str, Any]) -> None:
    write_registration(registration(**plan), tmp_path)
    with pytest.raises(UserError, match=r"small\.json is damaged: the registration lacks a usable"):
        read_registration("small", tmp_path)


def test_an_edited_registration_is_refused_and_so_is_a_missing_amendment(tmp_path: Path) -> None:
    one, two = (Amendment(time="t", after_results=late, changes=("x",), plan=PLAN) for late in (False, True))
    path = write_registration(registration().amended(one).amended(two), tmp_path)
    assert read_registration("small", tmp_path) is not None
    content = json.loads(path.read_text())
    del content["amendments"][0]
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match="was edited: its amendment 1 does not match its digest; restore it"):
        read_registration("small", tmp_path)


def test_torn_looks_are_one_sentence(tmp_path: Path) -> None:
    assert read_looks("small", tmp_path) == ()
    (tmp_path / "small.looks.jsonl").write_text('{"time": "t", "seeds"')
    with pytest.raises(UserError, match=r"small\.looks\.jsonl is damaged"):
        read_looks("small", tmp_path)


@pytest.mark.parametrize("carried", [None, "text", {}, {"registration": 1}, {"registration": "0" * 64}])
def test_what_a_run_carries_that_makes_no_sense_is_no_registration(carried: Any) -> None:
    runs = [
        {"arm": arm["name"], "cell": arm["cell"], "seed": seed, "status": "done", "planned": carried}
        for arm in ARMS
        for seed in arm["seeds"]
    ]
    now = stands(MANIFEST, runs, registration().content(), [], from_manifest(MANIFEST))
    assert (now.state, now.alpha, now.finished) == ("exploratory", 0.05, True)
    assert now.marks[0].startswith("Exploratory: 10 of 10 runs carry a registration other than")


def test_pilots_that_began_without_the_registration_leave_the_study_exploratory() -> None:
    registered = registration()
    carried = {"registration": registered.digest, "amendment": None}
    runs = [
        {"arm": arm["name"], "cell": arm["cell"], "seed": seed, "status": "done", "planned": carried}
        for arm in ARMS
        for seed in arm["seeds"]
    ]
    pilot = {"arm": "token.pilot0", "cell": "f" * 12, "seed": 900, "status": "done"}

    def now(of_pilot: Any) -> str:
        others = [{**pilot, "planned": of_pilot}]
        return stands(MANIFEST, runs, registered.content(), [], from_manifest(MANIFEST), others).state

    assert now(carried) == "registered"
    assert now({"registration": None}) == "exploratory"
