"""The LaTeX tables compile in a two-column paper and fit, labels that would be commands included."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from synthetic_store import ARMS, Scale, write_study

from analysis.report import write_report
from analysis.text.latex_characters import LATEX
from analysis.text.latex_numbers import aligned
from analysis.text.latex_table import to_latex, to_short_latex
from analysis.text.table import Cell, Row, Table
from analysis.text.table_files import SHORT
from analysis.verify.table_lines import differing_cells

HOSTILE = r"50% \input{/etc/passwd} $x_1^2$ & #1 {~} <b>√α−≥</b> [0] \\ \csname"
ENDLESS = "x" * 70 + "/" + "_" * 50
DOCUMENT = (
    r"\documentclass[twocolumn]{article}\usepackage[T1]{fontenc}\usepackage{booktabs,threeparttable}"
    r"\usepackage[letterpaper,textwidth=6.75in,textheight=9in,columnsep=0.25in]{geometry}"
    "\\begin{document}\n%s\\end{document}\n"
)
FONT = re.compile(r"/cm[a-z]+(\d+)\.pfb")
"""Computer Modern has a font for every size, whose name says which. Without an encoding these are what is embedded."""


def compile_tables(tables: list[Path], folder: Path, document: str = DOCUMENT) -> str:
    """What pdflatex says of a two-column document that inputs the tables, none of which is wider than its place."""
    inputs = "".join(f"\\typeout{{{path}}}\\input{{{path}}}\n\\clearpage\n" for path in tables)
    (folder / "all.tex").write_text(document % inputs, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "all.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, done.stdout[-2000:]
    too_wide = re.findall(r"Overfull \\hbox \((\d+\.\d+)pt.*", done.stdout)
    assert max(map(float, too_wide), default=0.0) <= 1, done.stdout
    return done.stdout


needs_pdflatex = pytest.mark.skipif(
    shutil.which("pdflatex") is None,
    reason="no pdflatex on this machine: apt-get install texlive-latex-extra",
)


@needs_pdflatex
@pytest.mark.parametrize("encoding", [r"\usepackage[T1]{fontenc}", ""])
def test_every_character_of_labels_compiles_in_any_font_encoding(tmp_path: Path, encoding: str) -> None:
    """Signs of our own, accents, and others from each block below U+3000; every eleventh row is bold or underlined."""
    letters = [
        *LATEX,
        *map(chr, range(0xA0, 0x400)),
        *map(chr, range(0x1E00, 0x3000, 7)),
        "\u202e",
        "\x1b",
        "漢",
        "😀",
    ]
    words = ["".join(letters[i : i + 12]) for i in range(0, len(letters), 12)]
    rows = [Row("g", (Cell(word, {}), Cell(word, {}, bold=i % 11 == 0))) for i, word in enumerate(words)]
    parts = [
        Table(f"t{i}", ("a", "b"), ("a", "b"), tuple(rows[i : i + 25]), {}, words[i])
        for i in range(0, len(rows), 25)
    ]
    (tmp_path / "t.tex").write_text("\n\\clearpage\n".join(map(to_latex, parts)), encoding="utf-8")
    said = compile_tables(
        [tmp_path / "t.tex"], tmp_path, DOCUMENT.replace(r"\usepackage[T1]{fontenc}", encoding)
    )
    assert "Missing character" not in said + (tmp_path / "all.log").read_text(errors="replace")


@pytest.mark.acceptance
@pytest.mark.usefixtures("outlined")
@needs_pdflatex
def test_every_committed_table_and_hostile_labels_compile_at_8_pt_and_fit(tmp_path: Path) -> None:
    labels = (None, HOSTILE, ENDLESS, f"{HOSTILE} again")
    arms = [
        arm if label is None else replace(arm, label=label) for arm, label in zip(ARMS, labels, strict=False)
    ]
    write_study(tmp_path / "store", arms, Scale(seeds=3, rollouts=2))
    folder, _ = write_report("toy", "paper", tmp_path / "store", tmp_path / "out")
    made = sorted(folder.glob("*.tex"))
    root = Path(__file__).parents[2]
    listed = subprocess.run(["git", "ls-files", "reports/*/*.tex"], cwd=root, capture_output=True, text=True)
    committed = [root / path for path in listed.stdout.split()]
    assert folder / "results_short.tex" in made
    assert committed
    said = compile_tables([*made, *committed], tmp_path, DOCUMENT.replace(r"\usepackage[T1]{fontenc}", ""))
    sizes = {int(size) for size in FONT.findall(said.replace("\n", ""))}
    assert sizes
    assert min(sizes) >= 8
    if shutil.which("pdftotext"):
        text = subprocess.run(
            ["pdftotext", "all.pdf", "-"], cwd=tmp_path, capture_output=True, text=True
        ).stdout
        assert "root:" not in text


def table_of(columns: tuple[str, ...], *rows: tuple[str, ...], **more: Any) -> Table:
    lines = tuple(Row("g", tuple(Cell(text) for text in row)) for row in rows)
    return Table("t", ("What it shows.",), columns, lines, **more)


@pytest.mark.parametrize(
    ("columns", "kind", "tabulars"), [(3, "table", 1), (9, "table*", 1), (14, "table*", 2), (30, "table*", 3)]
)
def test_a_table_takes_one_column_or_both_and_what_is_wider_is_stacked(
    columns: int, kind: str, tabulars: int
) -> None:
    """`12.3 ± 4.5` takes 38 pt and a gap 6 to 12, so 233 pt have room for three and 486 for ten."""
    heads = ("arm", *(f"c{i}" for i in range(columns)))
    table = table_of(heads, ("GRPO", *["12.3 ± 4.5"] * columns))
    text = to_latex(table)
    assert f"\\begin{{{kind}}}" in text
    assert text.count("\\begin{tabular*}") == tabulars
    assert text.count("{}GRPO & ") == tabulars
    assert "resizebox" not in text


def test_heads_break_over_lines_before_a_table_leaves_its_column() -> None:
    """One line takes 3 x 20 letters of about 4 pt, which a column has no room for."""
    heads = ("arm", *["gradient noise ratio"] * 3)
    text = to_latex(table_of(heads, ("GRPO", "1.5", "2.5", "3.5")))
    assert "\\begin{table}" in text
    assert (
        "{} & gradient & gradient & gradient \\\\\n{}arm & noise ratio & noise ratio & noise ratio \\\\"
        in text
    )


def test_numbers_stand_below_each_other() -> None:
    assert aligned(["8.7 ± 0.5", "61.25 ± 12.5 †", "7", "–"]) == [
        r"8.7\phantom{0} $\pm$ \phantom{0}0.5\phantom{~\dag{}}",
        r"61.25 $\pm$ 12.5 \dag{}",
        r"7\phantom{.00}\phantom{~$\pm$~00.0~\dag{}}",
        "--",
    ]
    assert aligned(["8/8", "16/16"]) == ["8/8", "16/16"]
    assert aligned(["0.5 [0.25, 1]", "0.5 [0.2, 1]"]) == [
        "0.5 [0.25, 1]",
        "0.5 [0.2, 1]",
    ]  # no holes in brackets
    assert aligned(["+0.8 [−5.1, +6.8]", "−8.7 [−16.0, −1.5]"])[0] == r"+0.8 [\phantom{0}$-$5.1, +6.8]"


def test_the_short_form_says_what_was_found_in_one_column() -> None:
    table = table_of(
        ("arm", "short", "average", "difference to GRPO", "p (Holm)", "n"),
        ("base", "50.1", "52.0", "–", "–", "1/1"),
        ("REINFORCE++ baseline", "70.1 ± 1.5", "61.5 ± 2.7 †", "−9.0 [−16.6, −1.4]", "0.015", "8/8"),
        notes=("†: not above the base.", "How sets were drawn."),
        common=("n = 8 runs an arm.",),
        meanings={"short": "one-digit sums"},
    )
    text = to_short_latex(table)
    assert "\\begin{table}" in text
    assert "\\label{tab:t_short}" in text
    assert "{}arm & average & difference to GRPO & p (Holm) & n \\\\" in text
    assert r"{}REINFORCE++ & 61.5 \dag{} & $-$9.0 & 0.015 & 8/8 \\" in text
    assert r"{}baseline & $\pm$ 2.7 & [$-$16.6, $-$1.4] &  &  \\[2pt]" in text
    assert r"\item[] \dag{}: not above the base." in text
    assert "n = 8 runs an arm." in text
    assert "sets were drawn" not in text
    assert "one-digit" not in text


def test_a_changed_line_of_any_part_names_its_cells() -> None:
    table = table_of(("arm", *(f"c{i}" for i in range(14))), ("GRPO", *["12.3 ± 4.5"] * 13, "99.9 ± 9.9"))
    text = to_latex(table)
    assert differing_cells([table], text.replace("99.9", "11.1"), text, ".tex") == ["t[GRPO,c13]"]
    found = table_of(("arm", "average", "n"), ("GRPO", "12.3 ± 4.5", "8/8"))
    short = to_short_latex(found)
    assert differing_cells([found], short.replace("8/8", "9/9"), short, SHORT) == ["t[GRPO,n]"]
