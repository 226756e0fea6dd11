"""Any text at all is inert in every format that a report is written in."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jinja2 import UndefinedError

from analysis.figures.model import Axis, Chart, ForestPlot, ForestRow, Line, Mark, Numbers, Panel, Series
from analysis.figures.style import ArmStyle
from analysis.figures.svg import chart_html
from analysis.logs.trace import trace
from analysis.pages.document import json_block
from analysis.pages.html_tables import table_html
from analysis.pages.templates import Templates, own
from analysis.provenance.freshness import package_files
from analysis.text.escape import csv_field, latex, markdown, page
from analysis.text.latex_characters import ACCENTS, LATEX
from analysis.text.latex_table import to_latex
from analysis.text.table import Cell, Row, Table, to_csv, to_markdown

PIECES = ("<script>alert(1)</script>", "</script>", "<!--", "]]>", "javascript:x", "\\input{x}", "$\\frac$", "|", "&amp;",
          "\u202e", "\u2066", "\x00", "\x1b[31m", "\u200b", "\n", "\r", "\t", "β→", "ﬁ²⁻", "ΐḖï", "=cmd|'/c calc'!A0", "+1", "-1", "@SUM(1)", "`", "%",
          "' onload=x", '" onload=x', "{{x}}", "^^M", "~", "#", "é", "漢", "😀")  # fmt: skip
ANALYSIS = Path(__file__).resolve().parents[2] / "analysis"
PAGES, LIVE = ANALYSIS / "pages", ANALYSIS / "live" / "templates"
TEXTS = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=8)), max_size=5).map("".join)
OWN_COMMANDS = set(re.findall(r"\\[A-Za-z]+", " ".join(LATEX.values()))) | {
    f"\\{text}" for text, _ in ACCENTS.values()
}
OWN_COMMANDS |= {rf"\{maths}" for _, maths in ACCENTS.values()} | {r"\i", r"\j"}
UNSEEN = ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp")


def unseen(text: str) -> set[str]:
    return {c for c in text if c != "\n" and unicodedata.category(c) in UNSEEN}


class Tags(HTMLParser):
    """Tags, attributes, and the text between."""

    def __init__(self, markup: str):
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.said: list[str] = []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.said.append(data)


def table_of(text: str) -> Table:
    cell = Cell(text, {"arm": text, text: 1.0}, trace=trace(text, [], []))
    return Table(
        "t", (text,), ("arm", text), (Row("g", (cell, cell)), Row(text, (cell, cell))), {text: text}, text
    )


def forest_of(text: str) -> Chart:
    look = ArmStyle("#000000", "-", "o")
    rows = [
        ForestRow(
            label=text, against=text, look=look, x=x, low=None, high=None, runs=(0.1, 0.2), beyond=text, words=text,
            says=text,
        )
        for x in (0.5, 9)
    ]  # fmt: skip
    axis = Axis(label=text, low=0, high=1)
    return Chart(
        name="f",
        series=[],
        panels=[],
        tables=[],
        note=text,
        rows=ForestPlot(rows=rows, axis=axis, matters=0.1, band=text, head=text),
    )


def chart_of(text: str) -> Chart:
    series = Series(0, text, ArmStyle("#000000", "-", "o"))
    axis = Axis(label=text, low=0, high=1)
    panel = Panel(
        title=text,
        x=axis,
        y=Axis(label=text, low=0, high=1, names=[text, text]),
        lines=[Line(series=series, x=[0, 1], mean=[0, 1], low=[0, 0.9], high=[0.1, 1])],
        marks=[Mark(series=series, x=0.5, y=0.5, says=text)],
    )
    return Chart(
        name="c",
        series=[series],
        panels=[panel],
        tables=[Numbers(title=text, heads=[(text, 0)], rows=[[text]])],
    )


@settings(max_examples=25, deadline=None)
@given(TEXTS)
@example("".join(PIECES))
def test_html_and_svg_hold_no_tag_or_attribute_of_the_text(text: str) -> None:
    clean, dirty = (
        Tags(str(table_html(table_of(t))) + chart_html(chart_of(t), t) + chart_html(forest_of(t), t, (t,)))
        for t in ("x", text)
    )
    assert dirty.tags == clean.tags
    assert dirty.attributes == clean.attributes
    markup = str(table_html(table_of(text))) + chart_html(chart_of(text), text)
    markup += chart_html(forest_of(text), text, (text,))
    assert not unseen(markup)
    svg = re.search(r"<svg class=\"panel\".*?</svg>", markup, re.DOTALL)
    assert svg is not None
    tags = {element.tag for element in ElementTree.fromstring(svg[0]).iter()}  # noqa: S314 our own page
    assert tags <= {"svg", "g", "path", "text", "title", "clipPath"}
    block = json_block({"a": text})
    assert not set("<>&") & set(block)


@settings(max_examples=60, deadline=None)
@given(TEXTS)
@example("".join(PIECES))
def test_latex_markdown_and_csv_hold_no_command_of_the_text(text: str) -> None:
    table = table_of(text)
    assert not unseen(to_latex(table) + to_markdown(table) + to_csv(table))
    # LaTeX: what is left of the specials without the commands that we write ourselves
    assert latex(text).isascii()
    bare = re.sub(r"\\[{}$&#%_]", "", latex(text))
    bare = re.sub(r"\$([^$]*)\$", lambda maths: " ".join([*re.findall(r"\\[A-Za-z]+", maths[1]), ""]), bare)
    commands = set(re.findall(r"\\(?:[A-Za-z]+|.)", bare))
    assert commands <= OWN_COMMANDS
    assert not set(re.sub(r"\\(?:[A-Za-z]+|.)(?:\{(?:[A-Za-z]|\\[ij])?\})?", "", bare)) & set("\\{}$&#%_^~")
    # Markdown: every mark is escaped, and there is no tag
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*_\[\]|~$]|[<>]", markdown(text))
    assert "\n" not in markdown(text) + latex(text)
    rows = list(csv.reader(io.StringIO(to_csv(table))))
    assert len(rows) == 3
    for row in rows:
        assert not any(value.startswith(("=", "+", "-", "@")) and not number(value) for value in row)


def number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def test_numbers_stay_numbers_and_plain_text_stays_itself() -> None:
    assert [csv_field(v) for v in (-1.5, 3, None, "GRPO .2", "=1", "+1")] == [
        -1.5,
        3,
        None,
        "GRPO .2",
        "'=1",
        "'+1",
    ]
    assert page("a < b & \u202ec") == "a &lt; b &amp; ⟨U+202E⟩c"


def test_latex_has_a_sign_for_what_labels_are_written_with() -> None:
    printed = {
        "GRPO, β=0.04": r"GRPO, $\beta$=0.04",
        "λ→0": r"$\lambda$$\to$0",
        "ΔKL ≪ 10⁻³": r"$\Delta$KL $\ll$ 10$^{-}$$^{3}$",
        "x₁ ½": r"x$_{1}$ 1/2",
        "Müller, Škoda": r"M\"{u}ller, \v{S}koda",
        "Mu\u0308ller": r"M\"{u}ller",  # as macOS writes it
        "ά": r"$\acute{\alpha}$",
        "漢 ▲": r"$\langle$U+6F22$\rangle$ $\langle$U+25B2$\rangle$",
        "a\u202eb": r"a$\langle$U+202E$\rangle$b",
    }
    assert {text: latex(text) for text in printed} == printed
    greek = [chr(code) for code in (*range(0x391, 0x3AA), *range(0x3B1, 0x3CA)) if code != 0x3A2]
    assert not [letter for letter in greek if "U+" in latex(letter)]


@settings(max_examples=25, deadline=None)
@given(TEXTS)
@example("".join(PIECES))
def test_a_template_escapes_every_value_that_is_not_markup_of_ours(text: str) -> None:
    study = {"title": text, "question": text}
    header = Templates(LIVE).render("frame.html", preset="<b>", parts=[text, own("<i>")], **study)
    assert f"<h1>{page(text)}</h1>" in header
    assert '<p class="preset">&lt;b&gt;</p>' in header
    assert f'aria-label="{page(text)}"' in header
    assert 'aria-label="<i>"' in header
    assert not unseen(header)


def test_a_template_without_one_of_its_values_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="preset"):
        Templates(LIVE).render("frame.html", title="", question="", parts=[])


def test_no_template_turns_escaping_off_and_all_are_part_of_the_code_that_is_hashed() -> None:
    templates = [path for path in package_files() if path.suffix == ".html"]
    assert {path.parent for path in templates} == {
        LIVE,
        PAGES / "templates",
        ANALYSIS / "across" / "templates",
        ANALYSIS / "single_runs" / "templates",
    }
    for path in templates:
        assert not re.search(r"\bsafe\b|autoescape|\bstyle=|\bon[a-z]+=", path.read_text()), path
    assert {PAGES / name for name in ("page.css", "samples.css", "page.js")} <= {*package_files()}
