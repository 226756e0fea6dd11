"""The LaTeX tables compile, labels that would be commands included."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from synthetic_store import ARMS, Scale, write_study

from analysis.report import write_report

HOSTILE = r"50% \input{/etc/passwd} $x_1^2$ & #1 {~} <b>√α−≥</b> [0] \\ \csname"
DOCUMENT = "\\documentclass{article}\\usepackage[T1]{fontenc}\\usepackage{booktabs,graphicx}\\begin{document}\n%s\\end{document}\n"


def compile_tables(tables: list[Path], folder: Path) -> str:
    """What pdflatex says of a document that inputs the tables."""
    inputs = "".join(f"\\input{{{path}}}\n\\clearpage\n" for path in tables)
    (folder / "all.tex").write_text(DOCUMENT % inputs, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "all.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull" not in done.stdout
    return done.stdout


@pytest.mark.usefixtures("outlined")
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex on this machine")
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
