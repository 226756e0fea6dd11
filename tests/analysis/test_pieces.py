"""Pieces of text have one function each."""

from pathlib import Path

import pytest

import analysis
from analysis.text.pieces import folded, in_words
from analysis.text.plain import to_plain
from analysis.text.table import Cell, Row, Table, to_markdown_alone


@pytest.mark.parametrize(
    ("items", "said"), [(["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_a_list_in_a_sentence(items: list[str], said: str) -> None:
    assert in_words(items) == said


def test_a_fold_has_the_blank_lines_that_github_needs_around_markdown() -> None:
    assert folded("more", "- a\n- b") == "<details><summary>more</summary>\n\n- a\n- b\n\n</details>"


def test_folds_are_written_in_one_place_for_markdown_and_one_for_figures() -> None:
    room = Path(analysis.__file__).parent
    wrote = {
        path.relative_to(room).as_posix()
        for path in room.rglob("*.py")
        if "<details><summary>" in path.read_text(encoding="utf-8")
    }
    assert wrote == {"text/pieces.py", "figures/svg.py"}


def test_a_terminal_gets_every_sentence_that_a_file_of_the_table_has() -> None:
    table = Table(
        "one",
        ("A caption.",),
        ("arm", "n"),
        (Row("", (Cell("grpo"), Cell("8"))),),
        notes=("A note.",),
        meanings={"n": "Scored runs."},
        common=("What holds for the report.",),
    )
    assert (
        to_plain(table)
        == "arm   n\ngrpo  8\n\nA caption.\nA note.\nn: Scored runs.\nWhat holds for the report.\n"
    )
    for sentence in ("A caption.", "A note.", "Scored runs.", "What holds for the report."):
        assert sentence in to_markdown_alone(table)
