"""Reports of tuned studies: what was spent and chosen, what it brings, which gates and warnings follow, and what never mixes."""

from __future__ import annotations

import csv
import dataclasses
import json
import math
import re
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from synthetic_store import SETS
from table_laws import broken

from analysis.answer.first_screen import first_screen
from analysis.checks.flags import flags
from analysis.checks.gates import FAIL, OPEN, PASS, check_gates
from analysis.checks.tuning import BUDGETS, SEEDS
from analysis.evidence.evidence import AVERAGE, Evidence
from analysis.evidence.tuning import Tuning, tuning_of
from analysis.evidence.tuning_words import progress, value_text
from analysis.figures.catalogue import FIGURES
from analysis.inference.rule import rule_of
from analysis.live.page import Parts
from analysis.live.study import LiveStudy, Snapshot
from analysis.logs.compact import read_logs
from analysis.logs.manifest import NothingToReport
from analysis.logs.run_folders import compact
from analysis.provenance.freshness import is_fresh
from analysis.report import make_tables, write_report
from analysis.statistics.tuning.surface import Surface
from analysis.text.table import Table
from sspo.errors import UserError
from tests.analysis.synthetic_tuning import HIGH, LR, RULE, SMALL, Tuned, run_score, save, write_tuned

CONFIRMED = Tuned(arms=("grpo", "no_clip", "sspo"), confirm_default=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tuned")


@pytest.fixture(scope="module")
def manifest(folder: Path) -> dict[str, Any]:
    return write_tuned(folder / "store", CONFIRMED, dataclasses.replace(SMALL, seeds=4))


@pytest.fixture(scope="module")
def report(folder: Path, manifest: dict[str, Any], captioned: None) -> Path:
    return write_report("toy", "paper", folder / "store", folder / "reports")[0]


@pytest.fixture(scope="module")
def evidence(report: Path) -> Evidence:
    return Evidence(read_logs(report / "logs"))


@pytest.fixture(scope="module")
def tables(evidence: Evidence) -> Mapping[str, Table | None]:
    return make_tables(evidence, None)


def logged(folder: Path, manifest: Mapping[str, Any]) -> Evidence:
    compact(folder / "store", manifest, folder / "logs")
    return Evidence(read_logs(folder / "logs"))


def small(folder: Path, **changes: Any) -> Evidence:
    return logged(folder, write_tuned(folder / "store", Tuned(**changes)))


def recorded(evidence: Evidence, record: Mapping[str, Any]) -> Evidence:
    """Return the same logs with another record of the tuning."""
    return Evidence(
        dataclasses.replace(evidence.whole, manifest={**evidence.whole.manifest, "tuning": dict(record)})
    )


def tuned(evidence: Evidence) -> Tuning:
    found = tuning_of(evidence)
    assert found is not None
    return found


def verdicts(evidence: Evidence) -> dict[str, tuple[str, str]]:
    return {gate.name: (gate.verdict, gate.evidence) for gate in check_gates(evidence)}


def rows(report: Path, name: str) -> dict[str, dict[str, str]]:
    with (report / f"{name}.csv").open() as stream:
        return {row["arm"]: row for row in csv.DictReader(stream)}


def test_parts_share_the_numbers_of_runs_and_nothing_else(
    evidence: Evidence, manifest: dict[str, Any]
) -> None:
    whole = evidence.whole
    arms, defaults, pilots = (whole.part(which) for which in ("arms", "default", "pilots"))
    assert len(whole.runs) == (1 + 3 * 4) + 3 * 4 + 3 * 6 * 2
    assert {run["arm"] for run in arms.runs} == {"base", "grpo", "no_clip", "sspo"}
    assert "tuning" not in arms.manifest
    assert sorted(arms.evaluation["run"].unique()) == list(range(13))
    assert sorted(defaults.evaluation["run"].unique()) == list(range(13, 25))
    assert sorted(pilots.metrics["run"].unique()) == list(range(25, 61))
    assert defaults.runs == pilots.runs == whole.runs
    assert defaults.manifest["baseline"] == "grpo.default"
    assert {int(whole.runs[run]["seed"]) for run in pilots.metrics["run"]} == {900, 901}
    assert arms.part("arms") is arms
    with pytest.raises(UserError, match="no runs of part 'pilots'"):
        arms.part("pilots")


def test_scores_spread_and_choice_are_those_of_the_run_folders(
    folder: Path, manifest: dict[str, Any], evidence: Evidence
) -> None:
    squares, groups = 0.0, 0
    for one in tuned(evidence).arms:
        for trial, stated in zip(one.trials, manifest["tuning"]["arms"][one.arm.name]["trials"], strict=True):
            read = [run_score(folder / "store", stated["cell"], seed) for seed in (900, 901)]
            assert list(trial.scores.values()) == pytest.approx(read)
            squares += (read[0] - read[1]) ** 2 / 2  # one degree of freedom per pair of seeds
            groups += 1
        assert (one.settled, len(one.runs), one.cost("core_hours")) == (6, 12, 1.5)
        assert one.best is not None
        assert one.best.point == one.chosen
        assert not one.differs
    assert tuned(evidence).arms[0].noise == pytest.approx(math.sqrt(squares / groups))
    assert groups == 18


def test_the_tuning_table_prints_what_was_spent_and_chosen(
    report: Path, manifest: dict[str, Any], evidence: Evidence
) -> None:
    found = rows(report, "tuning")
    assert list(found) == ["no_clip", "grpo", "sspo"]
    for one in tuned(evidence).arms:
        row, stated = found[one.arm.name], manifest["tuning"]["arms"][one.arm.name]["chosen"]
        assert (row["trials"], row["complete"], row["runs"], row["core_hours"]) == ("6", "6", "12", "1.5")
        assert (float(row[LR]), row[RULE]) == (stated["point"][LR], stated["point"][RULE])
        assert float(row["fit_mean"]) == pytest.approx(100 * stated["mean"], abs=1e-4)
        assert float(row["fit_high"]) == pytest.approx(100 * (stated["mean"] + 1.96 * stated["sd"]), abs=1e-2)
        low, high = float(row[f"{LR}_plateau_low"]), float(row[f"{LR}_plateau_high"])
        assert low <= stated["point"][LR] <= high
        assert float(row[f"{LR}_plateau"]) == pytest.approx(
            100 * math.log10(high / low)
        )  # the range is one decade
        _plateau_holds(one.surface, stated["point"], low, high)


def _plateau_holds(surface: Surface | None, point: Mapping[str, Any], low: float, high: float) -> None:
    """On the plateau the fit is within two points of the highest of 400 values, and no further out on the same grid."""
    assert surface is not None
    grid = np.geomspace(1e-4, 1e-3, 400)
    mean, _ = surface.at([{**point, LR: float(value)} for value in grid])
    inside = (grid >= low) & (grid <= high)
    assert (mean[inside] >= mean.max() - 0.0205).all()
    beyond = (grid < low / 1.08) | (grid > high * 1.08)
    near = beyond & (grid > low / 1.12) & (grid < high * 1.12)
    assert (mean[near] < mean.max() - 0.0195).all()


def test_the_ranking_takes_each_column_from_one_source_and_orders_it(
    folder: Path, manifest: dict[str, Any], report: Path, tables: Mapping[str, Table | None]
) -> None:
    found = rows(report, "ranking")
    cells = {arm["name"]: arm["cell"] for arm in (*manifest["arms"], *manifest["tuning"]["default"])}
    for column, suffix in (("default", ".default"), ("tuned", "")):
        means = {
            name: 100
            * statistics.fmean(run_score(folder / "store", cells[f"{name}{suffix}"], s) for s in range(4))
            for name in found
        }
        order = sorted(means, key=lambda name: -means[name])
        for name, row in found.items():
            assert float(row[f"{column}_mean"]) == pytest.approx(means[name])
            assert (row[f"{column}_source"], row[f"{column}_runs"]) == ("fresh seeds", "4")
            assert int(row[f"{column}_rank"]) == order.index(name) + 1
    assert {row["over_plateau_source"] for row in found.values()} == {"fit"}
    table = tables["ranking"]
    assert table is not None
    assert [row.key for row in table.rows] == ["sspo", "grpo", "no_clip"]
    assert "nothing is tested" in " ".join(table.notes)


def test_every_trial_is_listed_with_the_scores_of_its_runs(
    folder: Path, manifest: dict[str, Any], report: Path, tables: Mapping[str, Table | None]
) -> None:
    table = tables["tuning_trials"]
    assert table is not None
    with (report / "tuning_trials.csv").open() as stream:
        found = {(row["arm"], int(row["trial"])): row for row in csv.DictReader(stream)}
    assert len(found) == len(table.rows) == 18
    for name, entry in manifest["tuning"]["arms"].items():
        for trial in entry["trials"]:
            row = found[name, trial["number"]]
            read = [run_score(folder / "store", trial["cell"], seed) for seed in (900, 901)]
            assert [float(row["seed_900"]), float(row["seed_901"])] == pytest.approx([100 * s for s in read])
            assert float(row["mean"]) == pytest.approx(50 * sum(read))
            assert (row["state"], float(row[LR]), row[RULE]) == (
                "complete",
                trial["point"][LR],
                trial["point"][RULE],
            )
            assert row["at_default"] == "0"
    last = next(row for row in table.rows if row.key == "sspo.pilot5")
    reads = [cell.trace.reads["record"] if cell.trace else None for cell in last.cells]
    assert reads == [None] * 5 + [{59}, {60}, {59, 60}]
    assert "biased upward" in " ".join(table.caption)


def test_trials_without_a_score_and_at_the_default_are_marked(tmp_path: Path) -> None:
    manifest = write_tuned(tmp_path / "store", Tuned(pruned=1, failed=2))
    entry = manifest["tuning"]["arms"]["grpo"]
    entry["default"] = dict(entry["trials"][3]["point"])
    made = make_tables(logged(tmp_path, manifest), None)
    table = made["tuning_trials"]
    assert table is not None
    texts = [[cell.text for cell in row.cells] for row in table.rows if row.key.startswith("grpo.")]
    assert [text[1] for text in texts] == ["0", "1", "2", "3 †", "4", "5"]
    assert [text[2] for text in texts] == [*["failed"] * 2, *["complete"] * 3, "pruned"]
    assert [text[5:] == ["–"] * 3 for text in texts] == [True, True, False, False, False, True]
    spent = made["tuning"]
    assert spent is not None
    assert "(token; " in next(cell.text for cell in spent.rows[1].cells if "token" in cell.text)
    assert any(f"({value_text(entry['default'][LR])}; " in cell.text for cell in spent.rows[0].cells)


def test_tuned_and_default_results_are_never_one_family(
    report: Path, evidence: Evidence, tables: Mapping[str, Table | None]
) -> None:
    tuned_rows, default_rows = rows(report, "results"), rows(report, "results_default")
    assert set(tuned_rows) == {"base", "grpo", "no_clip", "sspo"}
    assert set(default_rows) == {"grpo.default", "no_clip.default", "sspo.default"}
    for found, suffix in ((tuned_rows, ""), (default_rows, ".default")):
        tested = [row for row in found.values() if row["p_holm"]]
        assert {row["arm"] for row in tested} == {f"no_clip{suffix}", f"sspo{suffix}"}
        for row in tested:  # Holm over two arms: the level of a step is 0.05 or half of it
            assert float(row["level"]) in (0.95, 0.975)
    table, primary = tables["results_default"], tables["results"]
    assert table is not None
    assert primary is not None
    reads = {
        run
        for row in table.rows
        for cell in row.cells
        if cell.trace
        for runs in cell.trace.reads.values()
        for run in runs
    }
    assert reads == set(range(13, 25))
    decided = [
        cell.trace.decides for row in primary.rows for cell in row.cells if cell.trace and cell.trace.decides
    ]
    assert decided
    assert max(run for each in decided for runs in each.values() for run in runs) == 12


def test_tables_keep_the_laws(evidence: Evidence, tables: Mapping[str, Table | None]) -> None:
    assert {"tuning", "ranking", "results_default"} <= {name for name, table in tables.items() if table}
    assert broken(evidence, tables.values()) == []
    defaults = tuned(evidence).defaults
    assert defaults is not None
    assert broken(defaults, [tables["results_default"]]) == []


def test_figures_show_every_arm_with_bands_and_its_point(evidence: Evidence) -> None:
    shown = {figure.name: figure.of(evidence) for figure in FIGURES if figure.name.startswith("tuning")}
    best, along = (shown[name].chart() for name in ("tuning_best", "tuning_sensitivity"))
    assert best is not None
    assert along is not None
    (panel,) = best.panels
    assert panel.x.label == "trials, about 0.25 core hours each"
    for line in panel.lines:
        assert line.x == [1, 2, 3, 4, 5, 6]
        assert line.mean == sorted(line.mean)
        assert all(
            low <= mean <= high for low, mean, high in zip(line.low, line.mean, line.high, strict=True)
        )
    lr, rule = along.panels
    assert (lr.x.scale, rule.x.names) == ("log", ["token", "response"])
    chosen = {one.arm.label: one.chosen for one in tuned(evidence).arms}
    for mark in lr.marks:
        point = chosen[mark.series.label]
        assert point is not None
        assert mark.x == point[LR]
    assert len(rule.marks) == 6
    assert all(mark.half is not None and mark.half > 0 for mark in rule.marks)
    assert [len(table.rows[0]) for table in along.tables] == [4, 4]
    for one in shown.values():
        assert len(one.caption().split()) <= 40
        assert any("pilot seeds" in note for note in one.notes())
        assert one.printed() is not None


def test_the_page_says_how_arms_were_tuned_in_every_rendering(report: Path, evidence: Evidence) -> None:
    page, text = (report / "index.html").read_text(), (report / "index.md").read_text()
    for said in (re.sub("<[^>]+>", "", page), text):
        assert "Arms were each tuned with 6 trials on seeds 900, 901." in said
        assert "tuned with 6 trials per arm, 36 pilot runs on seeds 900, 901" in said
        assert "13 planned: 13 done; 12 at defaults: 12 done; 36 pilots: 36 done" in said
        assert "sspo.pilot5" in said
        assert "A family of its own" in said
    assert 'id="tuning_sensitivity"' in page
    assert "A seed on which points are chosen while tuning." in page  # the glossary's tooltip
    assert len(first_screen(evidence).answer.split()) <= 45
    for name in ("tuning", "ranking", "results_default"):
        tex = (report / f"{name}.tex").read_text()
        assert "\\begin{tabular" in tex
        assert "SSPO" in tex
        assert (report / f"{name}.md").is_file()


def test_provenance_covers_pilots_and_defaults(folder: Path, report: Path, manifest: dict[str, Any]) -> None:
    found = json.loads((report / "provenance.json").read_text())
    assert [run["status"] for run in found["runs"]] == ["done"] * 61
    assert all(run["final_rollout"] is not None for run in found["runs"])
    (reads,) = [cell[3]["reads"] for cell in found["tables"]["tuning"]["cells"] if cell[:2] == ["sspo", LR]]
    assert reads == [[["eval/final/sampled, T = 1", "record"], "49-60"]]
    assert len(json.loads((report / "logs" / "sources.json").read_text())) == 61
    assert is_fresh("toy", "paper", folder / "store", folder / "reports")
    pilot = manifest["tuning"]["pilots"][0]
    path = folder / "store" / "cells" / pilot["cell"] / "seed900" / "DONE.json"
    content = path.read_text()
    path.write_text(content + " ")
    assert not is_fresh("toy", "paper", folder / "store", folder / "reports")
    path.write_text(content)


def test_without_defaults_the_ranking_reads_them_off_the_fit_or_says_that_it_cannot(tmp_path: Path) -> None:
    manifest = write_tuned(tmp_path / "store")
    manifest["tuning"]["arms"]["sspo"]["default"] = None
    evidence = logged(tmp_path, manifest)
    made = make_tables(evidence, None)
    ranking = made["ranking"]
    assert made["results_default"] is None
    assert ranking is not None
    one = tuned(evidence).arms[0]
    assert one.surface is not None
    mean, sd = one.surface.at([{LR: 3e-4, RULE: "token"}])
    by_arm = {row.key: row.cells for row in ranking.rows}
    assert by_arm["grpo"][1].text == f"{100 * mean[0]:.1f} ± {196 * sd[0]:.1f}"
    assert by_arm["grpo"][1].data["default_source"] == "fit"
    assert by_arm["sspo"][1].text == "–"
    assert by_arm["sspo"][2].text == "–"
    assert "outside the space: SSPO" in " ".join(ranking.notes)


@pytest.mark.parametrize("base", [True, False])
def test_while_tuning_there_is_a_report_without_p_and_verdicts(
    tmp_path: Path, base: bool, captioned: None
) -> None:
    manifest = write_tuned(tmp_path / "store", Tuned(done=3))
    if not base:
        manifest = save(tmp_path / "store", {**manifest, "arms": manifest["arms"][1:]})
    report, _ = write_report("toy", None, tmp_path / "store", tmp_path / "reports")
    evidence = Evidence(read_logs(report / "logs"))
    assert rule_of(evidence).alpha is None
    first = first_screen(evidence)
    assert "Tuning: 12 of 24 pilot runs; no arm has its point yet." in first.answer
    assert "tuning: 12 of 24 pilot runs; no arm has its point yet" in first.facts
    assert any("no p, no bold and no verdict" in line for line in first.head)
    assert verdicts(evidence)[BUDGETS][0] == OPEN
    page = (report / "index.md").read_text()
    assert "| GRPO .2 | 3 | 1 | 6 | 0.75 |" in page
    assert "ranking" not in page
    assert not (report / "tuning_best.png").exists()
    told = [verdict["verdict"] for verdict in csv.DictReader((report / "verdicts.csv").open())]
    assert set(told) == {"not testable"}


def test_the_dashboard_says_how_far_tuning_is(tmp_path: Path) -> None:
    write_tuned(tmp_path / "store", Tuned(done=3))
    found = LiveStudy("toy", "paper", tmp_path / "store").look()
    assert isinstance(found, Snapshot)
    assert {run.arm for run in found.runs} == {"base", "grpo", "sspo"}
    assert "tuning: 6 trials settled, 2 open; 0 of 2 arms have their point" in Parts().parts(found)["counts"]
    manifest = write_tuned(tmp_path / "plain", Tuned())
    save(tmp_path / "plain", {key: value for key, value in manifest.items() if key != "tuning"})
    plain = LiveStudy("toy", "paper", tmp_path / "plain").look()
    assert isinstance(plain, Snapshot)
    assert "tuning" not in Parts().parts(plain)["counts"]


def test_before_the_first_pilot_ends_there_is_nothing_to_report(tmp_path: Path) -> None:
    manifest = write_tuned(tmp_path / "store", Tuned(done=0))
    manifest["arms"] = manifest["arms"][1:]
    with pytest.raises(NothingToReport, match="no finished run"):
        compact(tmp_path / "store", manifest, tmp_path / "logs")
    begun = {**manifest["tuning"], "arms": {}, "pilots": []}
    base = write_tuned(tmp_path / "other" / "store", Tuned(done=0))
    evidence = logged(tmp_path / "other", {**base, "tuning": begun})
    assert make_tables(evidence, None)["tuning"] is None
    assert "Tuning is unfinished" in " ".join(flags(evidence))


def test_an_optimum_at_the_edge_is_flagged(tmp_path: Path) -> None:
    evidence = small(tmp_path, peaks={"grpo": 4 * HIGH})
    found = tuned(evidence).arms[0]
    assert found.edges == found.recorded_edges == (LR,)
    assert found.chosen is not None
    value = value_text(found.chosen[LR])
    said = [flag for flag in flags(evidence) if "edge" in flag]
    assert said == [
        f"GRPO .2's best {LR} by the fit lies at the edge of its space (chosen: {value}); its true best may lie outside."
    ]
    table = make_tables(evidence, None)["tuning"]
    assert table is not None
    texts = {row.key: [cell.text for cell in row.cells] for row in table.rows}
    assert any(text.startswith(f"{value} (") and text.endswith("‡") for text in texts["grpo"])
    assert not any("‡" in text for text in texts["sspo"])


def test_pruned_and_failed_trials_are_counted_and_flagged(tmp_path: Path) -> None:
    evidence = small(tmp_path, pruned=1, failed=2)
    said = " ".join(flags(evidence))
    assert (
        "A pruner (median) was used while tuning; it stopped 2 trials, which have no score: GRPO .2 (1), SSPO .05 adaptive (1)."
        in said
    )
    assert "4 trials of the tuning failed and have no score: GRPO .2 (2), SSPO .05 adaptive (2)." in said
    assert [len(one.scored) for one in tuned(evidence).arms] == [3, 3]
    assert verdicts(evidence)[BUDGETS][0] == PASS
    table = make_tables(evidence, None)["tuning"]
    assert table is not None
    assert (
        "Failed trials: GRPO .2 0, GRPO .2 1, SSPO .05 adaptive 0, SSPO .05 adaptive 1 (out of memory)."
        in table.notes
    )


def test_a_pilot_seed_that_returns_fails_its_gate(tmp_path: Path, evidence: Evidence) -> None:
    assert verdicts(evidence)[SEEDS] == (PASS, "pilot seeds 900, 901; no compared run has one")
    again = small(tmp_path, seeds=(1, 900))
    verdict, said = verdicts(again)[SEEDS]
    assert verdict == FAIL
    assert (
        said
        == "points were chosen on seeds that compared runs have: GRPO .2 (seed 1), SSPO .05 adaptive (seed 1)"
    )
    assert any("Failed gate" in line and SEEDS in line for line in first_screen(again).head)


def test_equal_budgets_are_equal_trials_or_costs_within_one_trial(evidence: Evidence) -> None:
    assert verdicts(evidence)[BUDGETS] == (
        PASS,
        "6 trials per arm of a budget of 6 trials, at 1.5 core hours",
    )

    def judged(budget: Mapping[str, float], *last: float | None) -> str:
        """The verdict if the last trial of the first arm costs something else, or is not there."""
        record = json.loads(json.dumps(evidence.whole.manifest["tuning"]))
        trials = record["arms"]["grpo"]["trials"]
        for hours in last:
            if hours is None:
                trials.pop()
            else:
                trials[-1]["core_hours"] = hours
        logs = dataclasses.replace(
            evidence.whole, manifest={**evidence.whole.manifest, "tuning": {**record, "budget": budget}}
        )
        return verdicts(Evidence(logs))[BUDGETS][0]

    assert judged({"trials": 6}, None) == FAIL
    assert judged({"core_hours": 1.5}, None) == PASS  # 1.25 against 1.5 hours, within a trial of 0.25
    assert judged({"core_hours": 1.5}, None, None) == FAIL
    assert judged({"core_hours": 1.5}, 0.9) == PASS  # 2.15 against 1.5, within the dearest trial
    assert judged({"trials": 6}, 0.9) == PASS


def test_a_recorded_point_that_the_logs_do_not_give_is_flagged(evidence: Evidence) -> None:
    record = json.loads(json.dumps(evidence.whole.manifest["tuning"]))
    record["arms"]["sspo"]["chosen"]["point"][LR] = 1e-4
    logs = dataclasses.replace(evidence.whole, manifest={**evidence.whole.manifest, "tuning": record})
    said = " ".join(flags(Evidence(logs)))
    assert "The recorded choice is not the one that these logs give for SSPO .05 adaptive" in said
    assert "recorded choice" not in " ".join(flags(evidence))


def test_a_recorded_choice_whose_words_set_another_point_is_flagged(evidence: Evidence) -> None:
    record = json.loads(json.dumps(evidence.whole.manifest["tuning"]))
    record["arms"]["sspo"]["chosen"]["overrides"] = ["trainer.lr=0.0001", "segmentation=token"]
    assert "The recorded choice is not the one" in " ".join(flags(recorded(evidence, record)))


def test_a_point_that_no_fit_can_hold_is_one_sentence(evidence: Evidence) -> None:
    for change in ({LR: 5.0}, {LR: -1.0}, {RULE: "nosuch"}, {"trainer.epochs": 2}):
        for where in ("chosen", "default", "trial"):
            record = json.loads(json.dumps(evidence.whole.manifest["tuning"]))
            arm = record["arms"]["sspo"]
            points = {
                "chosen": arm["chosen"]["point"],
                "default": arm["default"],
                "trial": arm["trials"][1]["point"],
            }
            points[where].update(change)
            with pytest.raises(UserError, match=r"usable point of arm 'sspo' .* lies outside its space"):
                tuning_of(recorded(evidence, record))


def test_a_fit_of_fewer_than_two_trials_per_option_is_flagged(evidence: Evidence) -> None:
    def said(**kept: int) -> str:
        record = json.loads(json.dumps(evidence.whole.manifest["tuning"]))
        for name, trials in kept.items():
            record["arms"][name]["trials"] = record["arms"][name]["trials"][:trials]
        return " ".join(flags(recorded(evidence, record)))

    assert "scored trial" not in said(grpo=4)
    assert (
        "GRPO .2 has 3 scored trials for 2 options: its fit is mostly what the fit expects before any run."
        in said(grpo=3)
    )
    assert "GRPO .2 has 1 scored trial for 2 options" in said(grpo=1)
    assert (
        "Few scored trials for the options of GRPO .2 (1 for 2), SSPO .05 adaptive (3 for 2): their fits are mostly what a fit expects "
        "before any run." in said(grpo=1, sspo=3)
    )


def test_clip_bounds_that_were_tuned_are_named_where_clip_fractions_differ(evidence: Evidence) -> None:
    assert any(flag.startswith("Unequal clip fraction: SSPO") for flag in flags(evidence))
    for change in (
        {"also": ["objective.clip.high"]},
        {"scales": ["objective.clip.low", "objective.clip.high"]},
    ):
        record = json.loads(json.dumps(evidence.whole.manifest["tuning"]))
        record["arms"]["sspo"]["space"][0] |= change
        found = flags(recorded(evidence, record))
        assert any(flag.startswith("Unequal clip fraction, which was tuned: SSPO") for flag in found)


def test_an_arm_with_nothing_to_tune_breaks_no_equality_of_budgets(evidence: Evidence) -> None:
    record = json.loads(json.dumps(evidence.whole.manifest["tuning"]))
    fixed = record["arms"]["no_clip"]
    fixed["trials"] = fixed["trials"][:1]
    fixed["trials"][0]["point"] = {}
    fixed |= {"space": [], "default": {}, "chosen": {**fixed["chosen"], "point": {}, "overrides": []}}
    found = recorded(evidence, record)
    assert verdicts(found)[BUDGETS] == (
        PASS,
        "6 trials per arm of a budget of 6 trials, at 1.5 core hours",
    )
    assert progress(tuned(found)).startswith("26 of 26 pilot runs")


def test_a_damaged_record_is_one_sentence(evidence: Evidence) -> None:
    for lost in ("budget", "seeds", "settled", "arms"):
        record = {key: value for key, value in evidence.whole.manifest["tuning"].items() if key != lost}
        logs = dataclasses.replace(evidence.whole, manifest={**evidence.whole.manifest, "tuning": record})
        with pytest.raises(UserError, match=f"tuning without a usable '{lost}'"):
            tuning_of(Evidence(logs))


def test_the_first_part_scores_as_a_study_without_a_tuning(evidence: Evidence) -> None:
    manifest = {key: value for key, value in evidence.whole.manifest.items() if key != "tuning"}
    rows_of = evidence.whole.evaluation
    alone = Evidence(
        dataclasses.replace(
            evidence.whole,
            manifest=manifest,
            runs=evidence.whole.runs[:13],
            evaluation=rows_of[rows_of["run"] < 13],
            metrics=evidence.whole.metrics[evidence.whole.metrics["run"] < 13],
        )
    )
    assert evidence.primary[AVERAGE].to_dict() == alone.primary[AVERAGE].to_dict()
    assert set(evidence.sets) == set(SETS)
    assert check_gates(alone) == check_gates(evidence)[:-2]
