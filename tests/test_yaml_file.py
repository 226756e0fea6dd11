"""Specs from anybody's hand: read as Hydra reads them, bounded, and refused in one sentence that says where."""

from __future__ import annotations

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from sspo.config import yaml_file
from sspo.config.yaml_file import LARGEST, MOST_VALUES, WrittenFloat, parse_yaml, read_yaml
from sspo.errors import UserError

FILE = Path("mine.yaml")
BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 10)
)
MERGES = "a0: &a0 {k: x}\n" + "".join(
    f"a{level}: &a{level} {{<<: [{', '.join([f'*a{level - 1}'] * 9)}]}}\n" for level in range(1, 10)
)
# a list of 9 and itself are 10 values, each level 1 + 9 times the one before: 10, 91, 820, 7381, 66430 in line 5; a
# mapping with one key is 3, each level of merges 3 + 9 times that: 3, 30, 273, 2460, 22143, 199290 in line 6
REFUSED = {
    "deep list": ("[" * 100_000, "nest deeper than 30 at line 1"),
    "deep mapping": (
        "".join("  " * level + "a:\n" for level in range(900)),
        "nest deeper than 30 at line 31",
    ),
    "deep dashes": ("- " * 5_000, "nest deeper than 30 at line 1"),
    "decimal": ("\na: " + "9" * 5_000, "a number has 5000 characters at line 2"),
    "hexadecimal": ("a: 0x" + "f" * 100_000, "a number has 100002 characters at line 1"),
    "sexagesimal": ("a: 1" + ":59" * 100, "a number has 301 characters at line 1"),
    "alias bomb": (BOMB, r"more than 50,000 values, aliases counted in full, at line 5"),
    "merge bomb": (MERGES, r"more than 50,000 values, aliases counted in full, at line 6"),
    "alias of itself": ("a: &a [*a]", "more than 50,000 values"),
    "tag": ("a: !!python/name:os.system x", "the tag tag:yaml.org,2002:python/name:os.system is not read"),
    "set": ("a: !!set {x, y}", "the tag tag:yaml.org,2002:set is not read"),
    "bad float": ("a: !!float abc", "the tag tag:yaml.org,2002:float is not read"),
    "no number": ("a: 0x_", "is not valid YAML: invalid literal"),
    "key": ("{[1]: 2}", "a key must be a word or a number, got a list or a mapping at line 1"),
    "key twice": ("a: 1\nb:\n  c: 1\n  c: 2", "'c' is given twice, again at line 4"),
    "surrogate": ('a: "\\ud800"', "half a character|invalid Unicode character escape"),
    "control character": ("a: \x01", "is not valid YAML: unacceptable character #x0001"),
    "tab": ("a:\n\t- b", "is not valid YAML at line 2: found character"),
    "two documents": ("a: 1\n---\nb: 2", "is not valid YAML at line 2: but found another document"),
}


@pytest.mark.parametrize(("text", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_no_spec_needs_is_refused_in_one_short_sentence(text: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence) as refused:
        parse_yaml(text, FILE)
    said = str(refused.value)
    assert said.startswith("mine.yaml")
    assert len(said) < 300
    assert "\n" not in said


def test_a_list_of_a_million_seeds_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("seeds: [" + ", ".join(map(str, range(1_000_000))) + "]")
    with pytest.raises(UserError, match=r"mine.yaml is larger than 1 MB, which no such file needs"):
        read_yaml(path)
    monkeypatch.setattr(yaml_file, "MOST_VALUES", 100)
    with pytest.raises(UserError, match="more than 100 values"):
        parse_yaml("seeds: [" + ", ".join(map(str, range(101))) + "]", FILE)
    assert MOST_VALUES > 3 * 10_000  # what a study of that many seeds in each preset holds
    assert path.stat().st_size > LARGEST


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"a: 1\n# caf\xe9\n", r"mine.yaml is not UTF-8 at line 2 \(byte 0xe9\); save it as UTF-8"),
        ("a: 1".encode("utf-16"), r"mine.yaml is not UTF-8 at line 1 \(byte 0xff\)"),
        (b"", "mine.yaml must hold a mapping of names to values, got an empty file"),
        (b"- a", "got a list"),
        (b"1: a", "got a key that is not a word; put it in quotes"),
    ],
)
def test_a_file_that_holds_no_spec_is_refused_with_its_name(
    content: bytes, sentence: str, tmp_path: Path
) -> None:
    (tmp_path / "mine.yaml").write_bytes(content)
    with pytest.raises(UserError, match=sentence):
        read_yaml(tmp_path / "mine.yaml")


def test_a_byte_order_mark_and_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_bytes(b"\xef\xbb\xbfa: 1\r\n")
    assert read_yaml(tmp_path / "mine.yaml") == {"a": 1}
    with pytest.raises(UserError, match=r"cannot read .*other.yaml: No such file or directory"):
        read_yaml(tmp_path / "other.yaml")


NUMBERS = "1e-5 1E5 -1e3 +1.5e+3 1.e2 .5 .5e-3 1_000.5 1e-5x 1e e5 1.0.0 .inf -.INF 0x1f 017 1_000 12 2024-01-01 1:30 1:30.5"


@pytest.mark.parametrize("word", NUMBERS.split())
def test_a_scalar_is_what_hydra_reads(word: str) -> None:
    expected = OmegaConf.to_container(OmegaConf.create(f"a: {word}"))
    assert isinstance(expected, dict)
    found = parse_yaml(f"a: {word}", FILE)
    assert found == expected
    assert isinstance(found["a"], type(expected["a"]))


def test_a_number_that_names_something_is_printed_as_it_was_written() -> None:
    """Levels of a factor are called so, and arms after them; 2e-4 was text before it was a number."""
    found = parse_yaml("levels: {2e-4: {}, 1.0e-5: {}}\nlow: 1e-5", FILE)
    assert [str(level) for level in found["levels"]] == ["2e-4", "1e-05"]
    assert found["low"] == WrittenFloat(0.00001, "1e-5") == 1e-5


def test_merges_are_read_and_an_own_key_goes_before_a_merged_one() -> None:
    text = "base: &base {seeds: 3, label: a}\narm: {<<: *base, label: b}"
    assert parse_yaml(text, FILE)["arm"] == {"seeds": 3, "label": "b"}
    with pytest.raises(UserError, match="'label' is given twice, again at line 2"):
        parse_yaml("base: &base {label: a}\narm: {<<: *base, label: b, label: c}", FILE)
