"""Figures as people read them: at column widths, in gray, cut nowhere, in few words."""

from __future__ import annotations

import dataclasses
import itertools
import re
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure as Printed
from matplotlib.text import Text
from synthetic_store import ARMS, FakeArm, Scale, write_study

from analysis.evidence.evidence import Evidence
from analysis.figures import clip_against_accuracy
from analysis.figures.catalogue import FIGURES
from analysis.figures.curves import clip_fraction, entropy
from analysis.figures.forest import difference_to_baseline
from analysis.figures.forest.rows import p_words
from analysis.figures.labels import spread, width, wrapped
from analysis.figures.style import COLUMN, RC, SMALLEST, TEXT, looks
from analysis.figures.svg import chart_html
from analysis.logs.compact import read_logs
from analysis.logs.run_folders import compact

ASCII_MINUS, NO_ZERO = re.compile(r"(^|[ (\[])-\d"), re.compile(r"(^|[ −(\[])\.\d")
LONG = "REINFORCE++ baseline, per group 20 %"
SOME = [
    dataclasses.replace(arm, label=arm.label.replace(" .2", ""))
    for arm in ARMS
    if arm.name in ("base", "no_clip", "grpo", "grpo_aa")
]
OTHERS = [
    FakeArm(
        name=f"arm_{chr(ord('a') + i)}",
        label=LONG if i == 3 else f"arm {i}",
        level=0.5 + 0.02 * i,
        clip=0.02 * (i + 1),
    )
    for i in range(13)
]


def made(folder: Path, arms: list[FakeArm], seeds: int) -> Evidence:
    manifest = write_study(
        folder / "store", arms, Scale(seeds=seeds, rollouts=2, questions=3, curve_questions=3)
    )
    compact(folder / "store", manifest, folder / "logs")
    return Evidence(read_logs(folder / "logs"))


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    """Fifteen arms that train, and an A/A arm."""
    return made(tmp_path_factory.mktemp("many"), [*SOME, *OTHERS], 5)


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    """Three arms of two runs, of which nothing is tested."""
    return made(tmp_path_factory.mktemp("few"), [*SOME[:3], OTHERS[3]], 2)


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)
@pytest.mark.parametrize("study", [pytest.param("many", marks=pytest.mark.acceptance), "few"])
def test_print_is_readable_at_its_size_and_cut_nowhere(
    figure: object, study: str, request: pytest.FixtureRequest
) -> None:
    shown = figure.of(request.getfixturevalue(study))  # type: ignore[attr-defined]
    with matplotlib.rc_context(RC):
        printed = shown.printed()
        if printed is None:
            return
        check(printed)
    assert len(f"{shown.caption()}.".split()) <= 40
    assert all(note.endswith((".", "…")) for note in shown.notes())


def check(printed: Printed) -> None:
    renderer = FigureCanvasAgg(printed).get_renderer()
    wide, high = printed.get_size_inches()
    assert wide in (COLUMN, TEXT)
    drawn = printed.get_tightbbox(renderer)
    assert (drawn.x0, drawn.y0) >= (-0.005, -0.005)
    assert (drawn.x1, drawn.y1) <= (wide + 0.005, high + 0.005)
    texts = [text for text in printed.findobj(Text) if text.get_text().strip()]
    assert min(text.get_fontsize() for text in texts) >= SMALLEST
    shown = [text.get_text() for text in texts]
    assert not [text for text in shown if ASCII_MINUS.search(text) or NO_ZERO.search(text)]
    panels = [ax for ax in printed.axes if ax.get_visible()]
    assert len(panels) <= 12
    for legend in printed.legends:  # below all panels
        top = legend.get_window_extent(renderer).y1
        assert all(top <= ax.get_tightbbox(renderer).y0 + 1 for ax in panels)
    for one, other in itertools.combinations(panels, 2):
        assert not one.get_window_extent().overlaps(other.get_window_extent())


def test_arms_are_told_apart_without_color(many: Evidence) -> None:
    style = looks(many.study)
    shown = [style[arm.name] for arm in many.study.with_role("arm")][:13]  # the reference and twelve others
    assert len({(str(look.dash), look.marker) for look in shown}) == 13
    assert len({look.color for look in shown}) == 13
    lightness = [round(float(np.dot(to_rgb(look.color), (0.299, 0.587, 0.114))), 3) for look in shown]
    assert min(abs(a - b) for a, b in itertools.pairwise(lightness)) > 0.03  # neighbors


def test_labels_are_moved_apart_as_little_as_possible() -> None:
    assert spread([0.0, 1.0, 2.0], 0.5, -9, 9) == [0, 1, 2]
    assert spread([1.0, 1.0], 1.0, -9, 9) == [0.5, 1.5]
    # 5 and 5.2 become 4.6 and 5.6 around their mean 5.1; 0 stays
    assert spread([5.2, 0.0, 5.0], 1.0, -9, 9) == pytest.approx([5.6, 0, 4.6])
    assert spread([9.0, 9.0], 1.0, 0, 9) == [8, 9]
    lines = wrapped(LONG, 1.2).split("\n")
    assert len(lines) == 2
    assert max(map(width, lines)) <= 1.2


def test_a_row_of_the_forest_says_what_was_found(many: Evidence) -> None:
    found = difference_to_baseline.FIGURE.of(many).data
    assert [row.arm.name for row in found.rows] == [a.name for a in many.study.arms if a.name != "grpo"]
    words = {row.arm.name: row.words for row in found.rows}
    base = found.rows[0]
    assert (base.arm.role, base.words, base.low, base.runs) == ("base", "untrained", None, ())
    scores = {
        name: many.primary.loc[many.counted(many.study.arm(name)), "average"]
        for name in ("base", "grpo", "grpo_aa")
    }
    grpo = pd.concat([scores["grpo"], scores["grpo_aa"]]).mean()  # A/A runs count for their original
    assert base.difference == pytest.approx(100 * (scores["base"].mean() - grpo))
    assert words["grpo_aa"] == "A/A"
    assert words["no_clip"] == "lower, p < 0.001"
    assert re.fullmatch(r"lower, p (< 0\.001|= 0\.0\d\d)", words["arm_a"])
    assert [p_words(p) for p in (0.0004, 0.0151, 0.0498, 0.0996, 0.52)] == [
        "p < 0.001",
        "p = 0.015",
        "p = 0.0498",
        "p = 0.10",
        "p = 0.52",
    ]


def test_the_forest_fits_the_first_screen_and_needs_no_legend(many: Evidence) -> None:
    shown = difference_to_baseline.FIGURE.of(many)
    chart = shown.chart()
    assert chart is not None
    html = chart_html(chart, shown.caption())
    assert "legend" not in html
    wide, narrow = re.findall(r'viewBox="0 0 (\d+) (\d+)"', html)
    rows = len(shown.data.rows)
    assert int(wide[1]) == 22 * rows + 56  # twelve rows: 320 px
    assert int(narrow[0]) < 400
    assert html.count("± 2: too small to matter") == 2  # once in each of the two
    assert "◄" not in html


def test_runs_stand_where_nothing_is_tested(few: Evidence) -> None:
    shown = difference_to_baseline.FIGURE.of(few)
    for row in shown.data.rows[1:]:  # below the untrained base
        assert (row.low, row.high, row.words) == (None, None, "2 runs, not tested")
        assert len(row.runs) == 2
        assert sum(row.runs) / 2 == pytest.approx(row.difference)
    assert shown.caption().startswith("Final average of every arm minus that of GRPO, untested")


def test_print_says_what_it_leaves_out(many: Evidence, few: Evidence) -> None:
    # no clip and the first eleven others have panels, the reference is in each: 13 of 15
    assert "The printed figure shows 13 of 15 arms; the page shows all." in entropy.FIGURE.of(many).notes()
    assert not any("The printed figure shows" in note for note in entropy.FIGURE.of(few).notes())


def test_clipping_of_matched_arms_is_one_panel_and_no_scatter(tmp_path: Path) -> None:
    arms = [FakeArm(name=n, label=n, level=0.8, clip=0.2, target=0.2) for n in ("grpo", "a", "b")]
    evidence = made(tmp_path, arms, 2)
    assert clip_against_accuracy.FIGURE.of(evidence).printed() is None
    chart = clip_fraction.FIGURE.of(evidence).chart()
    assert chart is not None
    assert [list(panel.levels) for panel in chart.panels] == [[20]]
    printed = clip_fraction.FIGURE.of(evidence).printed()
    assert printed is not None
    assert {text.get_text() for text in printed.axes[0].texts} == {"grpo", "a", "b", "target"}
