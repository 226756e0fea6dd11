"""Generated pages say what the code says, and lack nothing that is public there; `make pages` writes them again."""

from __future__ import annotations

import importlib
import inspect
import re

import pytest

from analysis.text.glossary import TERMS
from tests.docs import api_page, glossary_page
from tests.docs.make_pages import DOCS, PAGES


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_current(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name](), "run `make pages`"


def test_nothing_public_of_these_rooms_is_missing_from_the_api() -> None:
    """What Python itself calls public, not what the generator finds in the syntax."""
    sections = re.split(r"^### ", (DOCS / "api.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    shown = {text.split("\n")[0]: set(re.findall(r"^#### (\w+)", text, re.MULTILINE)) for text in sections}
    missing = []
    for _, files in api_page.sources():
        for path in files:
            module = importlib.import_module(api_page.module_name(path))
            own = [
                name
                for name, value in vars(module).items()
                if not name.startswith("_")
                and (inspect.isfunction(value) or inspect.isclass(value))
                and value.__module__ == module.__name__
            ]
            missing += [
                f"{module.__name__}.{name}" for name in own if name not in shown.get(module.__name__, set())
            ]
    assert not missing


def test_no_word_has_two_meanings() -> None:
    assert not set(glossary_page.OURS) & {term.name for term in TERMS}
    forms = {form.casefold() for term in TERMS for form in term.forms}
    assert not {word.casefold() for word in glossary_page.OURS} & forms
