"""The view of a text with its cuts, from the command line."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from sspo.errors import UserError
from sspo.segmentation.show import config_of, cut, main, show, summary
from tests.segmentation.vocabularies import single_bytes, small_bpe


def printed(text, rule, *options):
    tokenizer, stream = small_bpe(), io.StringIO()
    ids = tokenizer(text)["input_ids"]
    console = Console(file=stream, width=300, highlight=False, force_terminal=True, color_system="truecolor")
    show(ids, cut(ids, config_of(rule, options), tokenizer, 0), tokenizer, console)
    return stream.getvalue()


def test_cuts_are_bars_and_colors_with_lengths_and_a_summary():
    shown = printed("首，次。 End\n", "subsentence")
    assert "首，" in shown
    assert "⏎" in shown
    assert shown.count("|") == 2
    assert "\x1b[" in shown
    assert "lengths in order: " in shown
    assert "in 3 segments" in shown


def test_the_summary_counts():
    assert summary([1, 3, 8]) == (
        "12 tokens in 3 segments: mean 4.0, median 3, shortest 1, longest 8, coefficient of variation 0.74"
    )


def test_the_command_reads_a_text_and_takes_a_folder_with_a_tokenizer(tmp_path, monkeypatch, capsys):
    single_bytes().backend_tokenizer.save(str(tmp_path / "tokenizer.json"))
    monkeypatch.setattr("sys.stdin", io.StringIO("Let $a, b$ be, then\n\nstop."))
    assert main(["--model", str(tmp_path), "--rule", "subsentence", "protect_latex=false"]) == 0
    assert "Let $a,| b$ be,| then⏎" in capsys.readouterr().out


def test_groups_are_numbered_pieces_by_the_entropies_of_a_model(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO("so 4 * 2 is 8 , try 8 - 5 , 3 . answer 3 ."))
    assert main(["--rule", "entropy_group", "--prompt", "4 * 2 - 5 ?"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("|¹") in (shown.count("|²"), shown.count("|²") - 1, shown.count("|²") + 1)
    assert shown.count("|²") >= 2
    assert "lengths in order: 14 3" in shown


def test_a_rule_by_entropy_needs_a_model(tmp_path, monkeypatch):
    single_bytes().backend_tokenizer.save(str(tmp_path / "tokenizer.json"))
    monkeypatch.setattr("sys.stdin", io.StringIO("So."))
    with pytest.raises(UserError, match=r"no config\.json"):
        main(["--model", str(tmp_path), "--rule", "entropy_peak"])


@pytest.mark.parametrize(
    ("rule", "options", "wanted"),
    [
        ("lines", (), "did you mean 'line'"),
        ("line", ("min_token=3",), "did you mean 'segmentation.min_tokens'"),
        ("line", ("min_tokens",), "write key=value"),
        ("line", ("min_tokens=a",), "must be a whole number"),
        ("entropy_group", ("max_tokens=4",), "max_tokens has no meaning for rule 'entropy_group'"),
    ],
)
def test_refusals(rule, options, wanted):
    with pytest.raises(UserError, match=wanted):
        config_of(rule, options)
