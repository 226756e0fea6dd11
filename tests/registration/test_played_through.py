"""The registration of a small study, played through: registered, run, looked at too early, amended, finished."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from small_study import NAME, PRESETS, Played, stands

from sspo.errors import UserError
from sspo.runs.carried import PLANNED
from sweeps.plan.registered import registered_line


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    return Played(tmp_path_factory.mktemp("played"))


HEAD = r"Registered 20\d\d-\d\d-\d\d \d\d:\d\d UTC \(digest [0-9a-f]{12}\), before the first run\."


def test_registered(played: Played) -> None:
    plan = played.plan()
    assert "not registered: its report will say exploratory (`make register" in registered_line(plan)
    assert "registered played (paper): " in played.register(plan)
    written = json.loads((played.registrations / f"{NAME}.json").read_text())
    assert (written["plan"]["test"], written["plan"]["looks"]) == ("welch", [4])
    assert written["plan"]["claims"]["paper.yaml"]["claims"]
    assert "Tests at 4 and, when every run has ended, 8 seeds an arm" in written["stopping"]
    assert f"is registered as it is: digest {written['digest'][:12]}" in played.register(plan)
    assert registered_line(plan).startswith(f"registered {written['digest'][:12]}, 20")


def test_unfinished_shows_no_p(played: Played) -> None:
    played.run(played.plan(), trials=4)
    now = played.report()
    assert (now.state, now.alpha, now.finished, now.at_look, now.seeds) == (
        "registered",
        None,
        False,
        None,
        2,
    )
    assert re.fullmatch(HEAD, now.marks[0])
    assert now.marks[1:] == (
        "Unfinished: 4 of 16 runs ended; no p, no bold and no verdict before the planned look at 4 seeds.",
    )
    carried = json.loads((played.plan().trials()[0].folder / PLANNED).read_text())
    assert (carried["registration"], carried["arm"], carried["seed"]) == (now.digest, "grpo", 0)
    assert played.looks() == []


def test_a_look_that_was_not_planned_is_counted_once_and_stays(played: Played) -> None:
    now = played.report(look=True)
    assert now.alpha == 0.05
    assert "p, bold and verdicts are shown as an unplanned look" in now.marks[1]
    assert re.fullmatch(
        r"Unplanned look at 2 of 8 seeds on .* UTC: the levels here do not hold\.", now.marks[2]
    )
    (look,) = played.looks()
    assert (look["seeds"], look["ended"], look["planned"]) == (2, 4, False)
    assert played.report(look=True) == now  # the same data
    assert len(played.looks()) == 1


def test_a_planned_look_spends_alpha(played: Played) -> None:
    played.run(played.plan(), trials=8)
    now = played.report()
    assert (now.at_look, now.finished) == (4, False)
    assert now.alpha == pytest.approx(0.00305, abs=6e-5)  # 4 of 8 seeds: half of the information
    assert (
        now.marks[1]
        == "Planned look at 4 of 8 seeds: its two-sided level is 0.0031 of 0.05 (O'Brien-Fleming)."
    )
    assert "Unplanned look at 2 of 8 seeds" in now.marks[2]
    assert [look["planned"] for look in played.looks()] == [False, True]
    played.run(played.plan(), trials=12)
    after = played.report()
    assert after.alpha is None
    assert "before the end at 8 seeds" in after.marks[1]


def test_a_changed_plan_does_not_run_until_it_is_amended(played: Played) -> None:
    presets = {**PRESETS, "paper": {"seeds": 10}}
    plan = played.plan(arms=("grpo", "gspo", "sspo"), presets=presets)
    with pytest.raises(
        UserError, match=r"is not what it was registered as: arm sspo added, seeds 8, 9 added"
    ):
        played.run(plan)
    assert "after runs had begun: every report will say so: arm sspo added" in played.register(plan)
    played.run(plan)
    now = played.report()
    assert (now.finished, now.seeds, now.ended) == (True, 10, 30)
    assert now.alpha == pytest.approx(0.0490, abs=6e-5)
    assert now.marks[1].startswith("The last of 2 planned tests: its two-sided level is 0.0490 of 0.05")
    assert re.match(r"Amended after results \(.*\): arm sspo added, seeds 8, 9 added\.", now.marks[2])
    assert "Unplanned look at 2 of 8 seeds" in now.marks[3]
    added = json.loads((plan.trials()[-1].folder / PLANNED).read_text())
    chain = json.loads((played.registrations / f"{NAME}.json").read_text())["amendments"]
    assert (added["registration"], added["amendment"]) == (now.digest, chain[0]["digest"])


def test_finished_reads_the_same_without_git_and_store(played: Played, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    shutil.copytree(played.root / "reports" / NAME / "logs", logs)
    now = stands(logs)
    assert now == played.report()
    claims = json.loads((logs / "registration.json").read_text())["plan"]["claims"]["paper.yaml"]["claims"]
    assert now.claim_state("paper.yaml", next(iter(claims.values()))) == "registered"
    assert now.claim_state("paper.yaml", "0" * 64) == "post hoc"
    assert now.claim_state("paper.yaml", "0" * 64, "2020-01-01") == "not registered"
    edited = json.loads((logs / "registration.json").read_text())
    edited["plan"]["test"] = "paired"
    (logs / "registration.json").write_text(json.dumps(edited))
    assert (
        stands(logs).marks[0]
        == "Exploratory: the registration was edited: its content does not match its digest."
    )


def test_an_arm_that_is_dropped_after_its_results_is_named(played: Played) -> None:
    plan = played.plan(presets={**PRESETS, "paper": {"seeds": 10}})
    played.register(plan)
    played.run(plan)
    now = played.report()
    assert now.finished
    assert any(mark.startswith("Former arms: sspo (seeds 0-9);") for mark in now.marks)
    assert any(re.match(r"Amended after results .*: arm sspo dropped\.", mark) for mark in now.marks)


def test_a_run_that_does_not_carry_the_registration_makes_it_exploratory(played: Played) -> None:
    path = played.plan().trials()[3].folder / PLANNED
    kept = path.read_text()
    path.unlink()
    now = played.report()
    path.write_text(kept)
    assert (now.state, now.alpha, now.paired) == ("exploratory", 0.05, False)
    assert re.match(
        r"Exploratory: 1 of 20 runs carries a registration other than \w{12}, or none: gspo seed 1\.",
        now.marks[0],
    )


def test_pairing_counts_where_it_was_registered(tmp_path: Path) -> None:
    played = Played(tmp_path)
    paired = played.plan(test="paired", looks=[])
    played.run(paired, trials=2)
    assert not played.report().paired
    assert played.report().marks == ("Exploratory: no registration precedes these runs.",)
    with pytest.raises(
        UserError, match=r"cannot be registered any more: grpo seed 0 .*, gspo seed 0 .* have begun"
    ):
        played.register(paired)
    shutil.rmtree(played.store)
    with pytest.raises(UserError, match=r"grpo seed 0 \(.*reports/played/logs/runs\.json\), gspo seed 0"):
        played.register(paired)
    shutil.rmtree(played.root / "reports")
    played.register(paired)
    played.run(paired, trials=2)
    assert played.report().paired


def test_seeds_that_are_dropped_after_results_are_still_waited_for(tmp_path: Path) -> None:
    played = Played(tmp_path)
    longer = played.plan(presets={**PRESETS, "paper": {"seeds": 9}}, looks=[])
    played.register(longer)
    played.run(longer, trials=16)
    shorter = played.plan(looks=[])
    assert "amended" in played.register(shorter)
    played.run(shorter)
    now = played.report()
    assert (now.finished, now.alpha, now.seeds) == (False, None, 8)
    assert "16 of 16 runs ended; no p, no bold and no verdict before the end at 9 seeds" in now.marks[1]
    assert re.match(r"Amended after results .*: seed 8 dropped\. Levels are those", now.marks[2])


def test_another_preset_that_shares_seeds_is_a_look(tmp_path: Path) -> None:
    played, presets = Played(tmp_path), {**PRESETS, "default": {"seeds": 4}}
    with pytest.raises(UserError, match=r"preset default of played shares seeds 0-3 .*\(looks: \[4\]\)"):
        played.register(played.plan(presets=presets, looks=[]))
    played.register(played.plan(presets=presets))
    default = played.plan("default", presets=presets)
    played.run(default, trials=6)
    assert played.report("default").alpha is None
    played.run(default)
    now = played.report("default")
    assert (now.state, now.at_look) == ("registered", 4)
    assert now.alpha == pytest.approx(0.00305, abs=6e-5)
    assert "Planned look at 4 of 8 seeds, part of the plan registered under preset paper" in now.marks[1]
