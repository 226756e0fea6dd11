"""Factorial studies: the grid, effects, collapse within conditions, and their figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure as Printed
from scipy import stats
from synthetic_grid import BASE, GRID, OBJECTIVES, RATES
from synthetic_store import ARMS, FakeArm, Scale, write_study

from analysis.evidence.evidence import Evidence
from analysis.evidence.factors import grid_of, level_means
from analysis.figures import factor_effects, heat_map, paired_by_seed
from analysis.figures.figure import Figure
from analysis.logs.compact import read_logs
from analysis.logs.run_folders import compact
from analysis.tables.collapse import collapse_levels, collapse_table
from analysis.tables.effects import effects_table


def make(folder: Path, arms: list[FakeArm], seeds: int = 6) -> Evidence:
    manifest = write_study(folder / "store", arms, Scale(seeds=seeds, rollouts=2))
    compact(folder / "store", manifest, folder / "logs")
    return Evidence(read_logs(folder / "logs"))


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    return make(tmp_path_factory.mktemp("factors"), [BASE, *GRID])


def test_the_grid_is_what_the_manifest_lists(evidence: Evidence) -> None:
    grid = grid_of(evidence.study)
    assert (grid.factors, grid.levels, grid.full) == (("objective", "lr"), (OBJECTIVES, RATES), True)
    assert grid.at(("sspo", "4e-4")).name == "sspo_4"
    # a level's mean over the other factor, seed by seed
    table = level_means(evidence, grid, 1, evidence.primary)
    by_hand = [evidence.of_arm(evidence.primary, grid.at((o, "2e-4"))) for o in OBJECTIVES]
    assert table["2e-4"].tolist() == pytest.approx([(by_hand[0][s] + by_hand[1][s]) / 2 for s in range(6)])


def test_main_effects_and_the_interaction_are_those_of_the_cell_means(evidence: Evidence) -> None:
    table = effects_table(evidence)
    rows = {row.key: row.cells for row in table.rows}
    assert list(rows) == [
        "objective: sspo", "lr: 2e-4", "lr: 4e-4", "objective × lr: sspo, 2e-4", "objective × lr: sspo, 4e-4",
    ]  # fmt: skip
    grid = grid_of(evidence.study)
    score = {a.name: np.array(list(evidence.of_arm(evidence.primary, a).values())) for a in grid.arms}
    found = rows["objective: sspo"][2].data
    # a mean of three cell means minus one of three: each weighs 1/3, and has a variance of its own over 6 runs
    cells = [(o, score[grid.at((o, r)).name]) for o in OBJECTIVES for r in RATES]
    point = sum((1 if o == "sspo" else -1) * c.mean() / 3 for o, c in cells)
    parts = [c.var(ddof=1) / 6 / 9 for _, c in cells]
    half = stats.t.ppf(0.975, sum(parts) ** 2 / sum(v * v / 5 for v in parts)) * sum(parts) ** 0.5
    assert (found["low"], found["high"]) == pytest.approx((100 * (point - half), 100 * (point + half)))
    # an interaction is a difference of differences
    apart = (score["sspo_4"] - score["sspo"]) - (score["grpo_4"] - score["grpo"])
    assert rows["objective × lr: sspo, 4e-4"][2].data["points"] == pytest.approx(100 * apart.mean())
    assert all(cell.trace.values for row in table.rows for cell in row.cells[2:3])


def test_collapse_is_tested_within_conditions_and_seeds(evidence: Evidence) -> None:
    levels = {(x.factor, x.name): x for x in collapse_levels(evidence, grid_of(evidence.study))}
    # of grpo's 18 runs the 6 at the largest rate end below the base, of sspo's none: each seed's counts are 0 and 1
    assert (levels["objective", "grpo"].collapsed, levels["objective", "grpo"].runs) == (6, 18)
    sspo = levels["objective", "sspo"]
    assert (sspo.collapsed, sspo.here_S, sspo.first_S) == (0, (0,) * 6, (1,) * 6)
    assert (
        sspo.p == 2 / 2**6
    )  # of all exchanges within seeds, these counts and their mirror are the extreme ones
    assert levels["objective", "grpo"].p is None
    assert levels["lr", "2e-4"].p is None  # no pair differs
    texts = [[cell.text for cell in row.cells] for row in collapse_table(evidence).rows]
    assert texts[1] == ["objective: sspo", "0/18", "0 [0, 19]", "0 / 6", "0.063"]  # Holm over two tests


def printed(figure: Figure[Evidence, Any], evidence: Evidence) -> Printed:
    found = figure.of(evidence).printed()
    assert found is not None
    return found


def test_figures_of_a_grid_are_drawn(evidence: Evidence) -> None:
    effects, heat = printed(factor_effects.FIGURE, evidence), printed(heat_map.FIGURE, evidence)
    assert [ax.get_title() for ax in effects.axes] == ["objective", "lr"]
    texts = [text.get_text() for text in heat.axes[0].texts]
    assert sum("6/6 collapsed" in text for text in texts) == 1
    assert len(printed(paired_by_seed.FIGURE, evidence).axes) >= 5


def test_without_a_grid_there_is_none_of_it(tmp_path: Path) -> None:
    plain = make(tmp_path, [BASE, ARMS[2]], seeds=2)
    assert grid_of(plain.study) is None
    assert [effects_table(plain), collapse_table(plain)] == [None] * 2
    assert [figure.FIGURE.of(plain).printed() for figure in (factor_effects, heat_map)] == [None] * 2


def test_a_grid_with_a_hole_has_no_effects_and_shows_the_hole(tmp_path: Path) -> None:
    holed = make(tmp_path, [BASE, *GRID[:-1]], seeds=2)
    assert effects_table(holed) is None
    assert collapse_table(holed) is not None
    assert "–" in [text.get_text() for text in printed(heat_map.FIGURE, holed).axes[0].texts]
