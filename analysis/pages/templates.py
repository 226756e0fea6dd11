"""HTML templates: whatever is put into one is escaped and made visible (analysis.text.escape.page), unless it is markup already."""

from __future__ import annotations

import html
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from analysis.text.escape import page as in_page


class Templates:
    """The templates of a folder."""

    def __init__(self, folder: Path):
        self._environment = Environment(
            loader=FileSystemLoader(folder, encoding="utf-8"),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=_inert,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals["newline"] = own("\n")  # as a plain text it would be shown as ⏎

    def render(self, name: str, /, **values: object) -> Markup:
        """A template with these values in it. Its own last line break is no part of it."""
        return Markup(self._environment.get_template(name).render(values))  # noqa: S704 escaped by the environment


def _inert(value: object) -> Markup:
    """Runs on every value before Jinja's own escaping, which then finds nothing left to escape."""
    return value if isinstance(value, Markup) else Markup(in_page(str(value)))  # noqa: S704 escaped here


def escaped(text: str) -> Markup:
    """Text that went through `visible` already, which marks a line break once more if it sees it again."""
    return Markup(html.escape(text))  # noqa: S704 escaped here


def own(text: str) -> Markup:
    """Markup, style or script of this package, and never text from data."""
    return Markup(text)  # noqa: S704 the callers' duty


render = Templates(Path(__file__).parent / "templates").render
"""Of this room's templates."""
