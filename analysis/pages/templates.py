"""HTML templates: every value is escaped and made visible (analysis.text.escape.page), unless it is markup
already.
"""

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
        self._environment.globals["newline"] = own("\n")  # plain text would be shown as ⏎

    def render(self, name: str, /, **values: object) -> Markup:
        """Render a template with these values. The template's own last line break is dropped."""
        return Markup(self._environment.get_template(name).render(values))  # noqa: S704 escaped by the environment


def _inert(value: object) -> Markup:
    """Escape every value before Jinja does, which then finds nothing left to escape."""
    return value if isinstance(value, Markup) else Markup(in_page(str(value)))  # noqa: S704 escaped here


def escaped(text: str) -> Markup:
    """Escape text that has been through `visible`, which would mark its line breaks a second time."""
    return Markup(html.escape(text))  # noqa: S704 escaped here


def own(text: str) -> Markup:
    """Mark markup, style or script of this package as safe; never text from data."""
    return Markup(text)  # noqa: S704 callers pass only this package's own text


render = Templates(Path(__file__).parent / "templates").render
"""Renders a template of this room."""
