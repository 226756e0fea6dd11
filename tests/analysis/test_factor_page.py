"""The charts of a factorial study in a real browser: seed pairs, effects of factors, and crossings."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from browser import Page, needs_chromium
from synthetic_grid import BASE, GRID
from synthetic_store import Scale, write_study

from analysis.figures.svg_marks import TILES, readable
from analysis.report import write_report

pytestmark = needs_chromium
SAID = "document.querySelector('.tip:not([hidden])')?.textContent"


@pytest.fixture(scope="module")
def address(captioned: None, tmp_path_factory: pytest.TempPathFactory) -> str:
    place = tmp_path_factory.mktemp("grid")
    write_study(place / "runs", [BASE, *GRID], Scale(seeds=4, rollouts=2))
    folder, _ = write_report("toy", "paper", place / "runs", place / "reports")
    return (folder / "index.html").as_uri()


@pytest.fixture
def page(browser: Page, address: str) -> Iterator[Page]:
    browser.look(1100)
    browser.open(address)
    yield browser
    assert (browser.requests(), browser.problems()) == ([address], [])


def point(page: Page, mark: str, at: int = 0) -> None:
    """Move the pointer onto one of the points of a mark."""
    x, y = page.run(
        f"(() => {{ const m = document.querySelector('{mark}'); m.scrollIntoView({{block: 'center'}}); "
        f"const n = m.dataset.at.split(' ').map(Number).slice({2 * at}); "
        "const p = new DOMPoint(n[0], n[1]).matrixTransform(m.closest('svg').getScreenCTM()); return [p.x, p.y] })()"
    )
    page.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
    page.until(f"{SAID} !== undefined")


@pytest.mark.parametrize(
    ("figure", "mark"),
    [
        ("paired_by_seed", "g.mark:nth-of-type(2)"),
        ("factor_effects", "g.mark:has(.point)"),
        ("heat_map", "g.mark:has(.tile)"),
    ],
)
def test_pointing_at_a_mark_says_its_numbers(page: Page, figure: str, mark: str) -> None:
    point(page, f"#{figure} {mark}", at=1 if figure == "paired_by_seed" else 0)
    said = page.run(SAID)
    titles = f"[...document.querySelectorAll('#{figure} .panel:first-of-type .mark title')].map(t => t.textContent)"
    assert said in page.run(titles)
    assert "%" in said
    # the figure's table has the number too
    share = next(word for word in said.split() if word.replace(".", "").isdigit() and "." in word)
    assert share in page.run(f"document.querySelector('#{figure} details:has(table)').textContent")


def test_a_slope_answers_along_its_whole_length_and_a_tile_on_its_whole_field(page: Page) -> None:
    page.run("document.querySelector('#paired_by_seed').scrollIntoView({block: 'center'})")
    middle = page.run(
        "(() => { const b = document.querySelector('#paired_by_seed .mark > path').getBoundingClientRect(); "
        "return [b.x + b.width / 2, b.y + b.height / 2] })()"
    )
    page.call("Input.dispatchMouseEvent", type="mouseMoved", x=middle[0], y=middle[1])
    page.until(f"{SAID} !== undefined")
    assert "→" in page.run(SAID)
    page.run("document.querySelector('#heat_map').scrollIntoView({block: 'center'})")
    corner = page.run(
        "(() => { const b = document.querySelector('#heat_map .tile').getBoundingClientRect(); "
        "return [b.x + 4, b.y + 4] })()"
    )
    page.call("Input.dispatchMouseEvent", type="mouseMoved", x=corner[0], y=corner[1])
    page.until(f"({SAID} ?? '').startsWith('grpo × 1e-4: final average')")


@pytest.mark.parametrize("figure", ["paired_by_seed", "factor_effects", "heat_map"])
def test_arrow_keys_go_from_mark_to_mark(page: Page, figure: str) -> None:
    titles = page.run(
        f"[...document.querySelector('#{figure} .panel').querySelectorAll('.mark title')].map(t => t.textContent)"
    )
    page.run(f"document.querySelector('#{figure} .panel').focus()")
    heard = []
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "ArrowLeft"):
        page.key(key)
        heard.append(page.run(SAID))
    assert heard == [titles[0], titles[1], titles[0], titles[0]]
    page.run("document.activeElement.blur()")
    assert page.run(SAID) is None


def test_switching_an_arm_off_hides_its_panel_and_its_column(page: Page) -> None:
    page.run("document.querySelector('#paired_by_seed details:has(table)').open = true")
    shown = "[...document.querySelectorAll('#paired_by_seed {}')].filter(e => getComputedStyle(e).display !== 'none').length"
    panels, heads = shown.format(".panel"), shown.format("th[data-k]")
    assert (page.run(panels), page.run(heads)) == (5, 5)
    page.run("document.querySelectorAll('#paired_by_seed .legend input')[1].click()")
    assert (page.run(panels), page.run(heads)) == (4, 4)


def test_text_on_every_color_of_the_ramp_can_be_read() -> None:
    grounds = ["#" + "".join(f"{round(255 * c):02x}" for c in TILES(i / 50)[:3]) for i in range(51)]
    inks = [readable(ground) for ground in grounds]
    assert [ink for ink, _ in itertools.groupby(inks)] == ["light", "dark"]
    assert (
        min(_contrast(g, {"light": 1.0, "dark": 0.0056}[ink]) for g, ink in zip(grounds, inks, strict=True))
        > 4
    )


def _contrast(ground: str, ink: float) -> float:
    channels = [int(ground[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    mine = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return (max(mine, ink) + 0.05) / (min(mine, ink) + 0.05)
