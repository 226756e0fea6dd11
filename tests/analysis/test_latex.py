"""The LaTeX tables compile, labels that would be commands included."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from synthetic_store import ARMS, Scale, write_study

from analysis.report import write_report
from analysis.text.latex_characters import LATEX
from analysis.text.latex_table import to_latex
from analysis.text.table import Cell, Row, Table

HOSTILE = r"50% \input{/etc/passwd} $x_1^2$ & #1 {~} <b>√α−≥</b> [0] \\ \csname"
DOCUMENT = "\\documentclass{article}\\usepackage[T1]{fontenc}\\usepackage{booktabs,graphicx}\\begin{document}\n%s\\end{document}\n"


def compile_tables(tables: list[Path], folder: Path, document: str = DOCUMENT) -> str:
    """What pdflatex says of a document that inputs the tables."""
    inputs = "".join(f"\\input{{{path}}}\n\\clearpage\n" for path in tables)
    (folder / "all.tex").write_text(document % inputs, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "all.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull" not in done.stdout
    return done.stdout


needs_pdflatex = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex on this machine")


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


@pytest.mark.usefixtures("outlined")
@needs_pdflatex
def test_every_committed_table_and_hostile_labels_compile(tmp_path: Path) -> None:
    arms = [arm if arm.role == "base" else type(arm)(**{**vars(arm), "label": HOSTILE}) for arm in ARMS[:4]]
    write_study(tmp_path / "store", arms, Scale(seeds=3, rollouts=2))
    folder, _ = write_report("toy", "paper", tmp_path / "store", tmp_path / "out")
    made = sorted(folder.glob("*.tex"))
    committed = sorted((Path(__file__).parents[2] / "reports").glob("*/*.tex"))
    assert made
    assert committed
    compile_tables([*made, *committed], tmp_path)
    if shutil.which("pdftotext"):
        text = subprocess.run(
            ["pdftotext", "all.pdf", "-"], cwd=tmp_path, capture_output=True, text=True
        ).stdout
        assert "root:" not in text
