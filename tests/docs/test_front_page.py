"""The README is a front page, docs/README.md an index of every page, and no link of either kind of page leads nowhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs import site
from tests.docs.blocks import PAGES, ROOT

DOCS = ROOT / "docs"
INDEX = (DOCS / "README.md").read_text(encoding="utf-8")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
OURS = re.compile(r"\b(arms?|cells?|gates?|presets?|RLVR|A/A|GRPO-like)\b")
LINKING = [*PAGES, *sorted((DOCS / "decisions").glob("*.md")), ROOT / "CONTRIBUTING.md"]


def links(path: Path) -> list[str]:
    """Targets of a page's links that are not on the web."""
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    return [target for target in LINK.findall(text) if "://" not in target and "@" not in target]


def anchors(path: Path) -> set[str]:
    """What GitHub and mkdocs call the headings of a page."""
    heads = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", head.lower().replace("`", "")).strip().replace(" ", "-") for head in heads
    }


def test_the_readme_is_short_and_uses_no_word_of_the_house() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 120
    assert not OURS.findall(re.sub(r"`[^`]*`|```.*?```", "", text, flags=re.DOTALL))


def test_every_page_is_in_the_index_once() -> None:
    pages = {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")} - {"README.md"}
    deeper = {page for page in pages if page.startswith("decisions/") and page != "decisions/README.md"}
    assert sorted(links(DOCS / "README.md")) == sorted(pages - deeper)
    assert sorted(links(DOCS / "decisions" / "README.md")) == sorted(page.split("/")[1] for page in deeper)


def test_every_line_of_the_index_says_what_the_page_is() -> None:
    lines = [line for line in INDEX.splitlines() if line.startswith("- ")]
    assert lines
    assert not [line for line in lines if not re.fullmatch(r"- \[[^\]]+\]\([^)]+\): .{10,100}", line)]


@pytest.mark.parametrize("page", LINKING, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    lost = []
    for target in links(page):
        name, _, anchor = target.partition("#")
        there = (page.parent / name).resolve() if name else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            lost.append(target)
    assert not lost


def test_the_site_has_the_groups_of_the_index_and_a_place_for_every_report_that_is_linked_to() -> None:
    nav = site.navigation()
    groups = [line.removeprefix("## ") for line in INDEX.splitlines() if line.startswith("## ")]
    assert [title for entry in nav for title in entry][2:-1] == groups
    assert set(re.findall(r"'([\w/-]+\.md)'", str(nav))) >= set(links(DOCS / "README.md"))
    linked = {path for page in site._sources() for path in site._outside(page) if path.startswith("reports/")}
    assert linked
    assert not [path for path in linked if site.place(path) is None]
