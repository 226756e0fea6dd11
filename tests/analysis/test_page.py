"""index.html in a real browser: what it does, and that hostile names and texts do nothing in it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import Page, needs_chromium
from synthetic_replay import replay_head, write_toy_replay
from synthetic_store import ARMS, Scale, write_study

from analysis.report import write_report
from sspo.runs.identity import cell_folder

WIDER = (
    "[...document.querySelectorAll('main *')].filter(e => !e.closest('.scroll, .sr, svg') && "
    "e.getBoundingClientRect().right > 400.5).map(e => e.outerHTML.slice(0, 90))"
)
"""What sticks out of a phone's screen."""
pytestmark = needs_chromium
ATTACK = (
    "</script><script>window.ran=1</script><img src=x onerror=window.ran=1>\"' onmouseover=window.ran=1 x='"
    "<a href=javascript:window.ran=1>\u202egnp\x1b[31m]]>&quot;{{7*7}}"
)


@pytest.fixture(scope="module")
def address(captioned: None, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A report whose arm, question, title and answers are hostile, with a replay."""
    place = tmp_path_factory.mktemp("hostile")
    few = [a for a in ARMS if a.name in ("base", "grpo", "gspo", "sspo_05", "sspo", "grpo_aa")]
    arms = [dataclasses.replace(a, label=ATTACK) if a.name == "sspo" else a for a in few]
    manifest = write_study(place / "runs", arms, Scale(rollouts=4, questions=8))
    manifest |= {"title": ATTACK, "question": ATTACK}
    manifest["arms"][4]["name"] = f"sspo{ATTACK}"
    (place / "runs" / "studies" / "toy.paper.json").write_text(json.dumps(manifest))
    cells = [arm["cell"] for arm in manifest["arms"]]
    spoil_answers(cell_folder(place / "runs", cells[1], 0) / "samples.jsonl")
    head = replay_head(cells[1:3])
    head["runs"][0]["arm"] = ATTACK
    write_toy_replay(place / "runs" / "replays" / "toy.paper", head=head)
    folder, _ = write_report("toy", "paper", place / "runs", place / "reports")
    assert (folder / "index.html").stat().st_size < 3_000_000
    return (folder / "index.html").as_uri()


def spoil_answers(path: Path) -> None:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        line["texts"][:2], line["prompt"] = [ATTACK, "\x00\u2066"], ATTACK
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.fixture
def page(browser: Page, address: str) -> Iterator[Page]:
    """The page, opened anew; whatever a test does, it may load nothing, log nothing and run nothing of an attacker's."""
    browser.look(1200)
    browser.open(address)
    yield browser
    assert browser.requests() == [address]
    assert browser.problems() == []
    assert browser.run("window.ran") is None


def rows(page: Page) -> list[str]:
    return page.run(
        "[...document.querySelectorAll('#table-results tbody:nth-of-type(2) tr')].map(r => r.dataset.row)"
    )


def test_a_head_sorts_by_unrounded_numbers_inside_its_group_and_gives_the_order_back(page: Page) -> None:
    before = rows(page)
    sort = "document.querySelectorAll('#table-results thead button')[1].click()"
    state = "document.querySelectorAll('#table-results thead th')[1].ariaSort"
    numbers = "[...document.querySelectorAll('#table-results tbody:nth-of-type(2) tr')].map(r => Number(r.cells[1].dataset.v))"
    page.run(sort)
    assert page.run(state) == "descending"
    assert page.run(numbers) == sorted(page.run(numbers), reverse=True)
    page.run(sort)
    assert page.run(state) == "ascending"
    assert page.run(numbers) == sorted(page.run(numbers))
    assert rows(page) != before
    page.run(sort)
    assert (page.run(state), rows(page)) == ("none", before)


def test_a_filter_hides_the_other_rows_and_says_how_many_are_left(page: Page) -> None:
    page.run(
        "(() => { const i = document.querySelector('[aria-controls=table-results]'); i.value = 'gspo 3e'; "
        "i.dispatchEvent(new Event('input')); })()"
    )
    shown = "[...document.querySelectorAll('#table-results tr[data-row]')].filter(r => !r.hidden).map(r => r.dataset.row)"
    assert page.run(shown) == ["gspo"]
    assert page.run("document.querySelector('#results output').textContent") == "1 of 6 rows"


def test_an_arm_is_switched_off_in_panels_and_numbers(page: Page) -> None:
    box = "document.querySelectorAll('#entropy .legend input')[1]"
    name = page.run(f"{box}.parentElement.textContent")
    k = page.run(f"{box}.dataset.k")
    parts = f"[...document.querySelectorAll('#entropy .panel [data-k=\"{k}\"]')].map(e => getComputedStyle(e).display)"
    head = f"getComputedStyle(document.querySelector('#entropy th[data-k=\"{k}\"]')).display"
    assert name == "GSPO 3e-4/4e-4"
    assert set(page.run(parts)) == {"inline"}
    page.run(f"{box}.click()")
    assert set(page.run(parts)) == {"none"}
    page.run("document.querySelector('#entropy details').open = true")
    assert page.run(head) == "none"
    page.run(f"{box}.click()")
    assert set(page.run(parts)) == {"inline"}


def test_pointing_at_a_panel_says_the_numbers_of_its_table(page: Page) -> None:
    page.run("document.querySelector('#entropy').scrollIntoView()")
    box = page.run("(() => { const b = document.querySelector('#entropy .panel').getBoundingClientRect(); return [b.x, b.y, b.width, b.height] })()")  # fmt: skip
    page.call("Input.dispatchMouseEvent", type="mouseMoved", x=box[0] + box[2] - 15, y=box[1] + box[3] / 2)
    page.until("!document.querySelector('.tip').hidden")
    said = page.run("document.querySelector('.tip').textContent")
    last = page.run(
        "(() => { const t = document.querySelector('#entropy-numbers0'); const r = [...t.tBodies[0].rows].at(-1); "
        "return [r.cells[0].textContent, r.cells[1].textContent] })()"
    )
    assert said.startswith(f"rollout {last[0]}")
    assert last[1] in said
    page.run("document.querySelector('#entropy .panel').focus()")
    page.key("ArrowLeft")
    assert page.run("document.querySelector('.tip').textContent").startswith("rollout 3")


def test_a_number_opens_its_provenance_from_the_keyboard_and_gives_the_focus_back(page: Page) -> None:
    stops = "document.querySelectorAll('#table-results tbody button[tabindex=\"0\"]').length"
    assert page.run(stops) == 1
    page.run("document.querySelector('#table-results tbody button').focus()")
    page.key("ArrowDown")
    page.key("ArrowRight")
    page.key("ArrowLeft")
    assert page.run(stops) == 1
    at = page.run(
        "[document.activeElement.closest('tr').dataset.row, document.activeElement.closest('td').cellIndex]"
    )
    assert at == ["grpo", 1]
    page.key("Enter")
    assert page.run("document.querySelector('dialog').open")
    assert page.run("document.querySelector('dialog h2').textContent").startswith("results[grpo,average] = ")
    cells = page.run(
        "[...document.querySelectorAll('dialog tbody tr')].map(r => [r.cells[0].textContent, r.cells[2].textContent])"
    )
    assert [name for name, _ in cells] == [
        *(f"grpo seed {seed}" for seed in range(3)),
        *(f"grpo_aa seed {seed}" for seed in range(100, 103)),
    ]
    assert all(file.endswith("eval.jsonl") for _, file in cells)
    text = page.run("document.querySelector('dialog').textContent")
    assert "a" * 12 in text
    assert "torch 2.13.0" in text
    page.key("Escape")
    assert not page.run("document.querySelector('dialog').open")
    assert page.run("document.activeElement.closest('tr').dataset.row") == "grpo"


def test_every_button_opens_something_and_hostile_names_stay_text(page: Page) -> None:
    opened = page.run(
        "[...document.querySelectorAll('main button[aria-haspopup]')].map(b => { b.click(); "
        "const d = document.querySelector('dialog'); const said = d.open && d.querySelector('.body').textContent.length > 40 "
        "&& d.querySelector('h2').textContent.length > 3; d.close(); return said; })"
    )
    assert len(opened) > 200
    assert all(opened)
    assert (
        page.run("document.querySelectorAll('main script, main img, main a:not([href^=\\'#\\'])').length")
        == 0
    )
    assert "onmouseover" in page.run("document.querySelector('h1').textContent")
    handlers = "[...document.querySelectorAll('*')].filter(e => [...e.attributes].some(a => a.name.startsWith('on'))).length"
    assert page.run(handlers) == 0


def test_what_an_attacker_could_still_inject_is_refused_by_the_page_itself(
    browser: Page, address: str
) -> None:
    browser.open(address)
    browser.run(
        "(() => { const s = document.createElement('script'); s.textContent = 'window.ran = 2'; document.body.append(s); "
        "const i = new Image(); i.src = 'http://127.0.0.1:9/x.png'; document.body.append(i); })()"
    )
    assert browser.run("window.ran") is None
    browser.until(lambda: len(browser.problems()) >= 2)
    assert browser.run("fetch('http://127.0.0.1:9/').then(() => 'sent', () => 'refused')") == "refused"
    assert browser.requests() == [address]


def test_tables_and_figures_are_named_for_a_screen_reader_and_fit_a_phone(page: Page) -> None:
    assert page.run(
        "[...document.querySelectorAll('main table')].every(t => t.caption && t.caption.textContent)"
    )
    assert page.run(
        "[...document.querySelectorAll('svg.panel')].every(s => s.getAttribute('aria-label').length > 20)"
    )
    assert page.run(
        "[...document.querySelectorAll('figure.chart')].every(f => f.querySelector('details table tbody tr'))"
    )
    assert page.run("[...document.querySelectorAll('th')].every(h => h.scope)")
    for scheme in ("light", "dark"):
        page.look(400, scheme=scheme)
        assert page.run(WIDER) == []
        colors = "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
        ink, ground = (sum(map(int, c[4:-1].split(","))) for c in page.run(colors))
        assert (ink < ground) == (scheme == "light")
