"""`make pages`: write every generated page of docs/ again. tests/docs/test_generated_pages.py holds them current."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from sspo.console import commands_page
from sspo.metrics import page as metrics_page
from sspo.objective import page as objective_page
from tests.docs import api_page, glossary_page, options_page
from tests.frameworks import page as frameworks_page

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES: Mapping[str, Callable[[], str]] = {
    "api.md": api_page.page,
    "commands.md": commands_page.page,
    "frameworks.md": frameworks_page.page,
    "glossary.md": glossary_page.page,
    "metrics.md": metrics_page.page,
    "objectives.md": objective_page.page,
    "options.md": options_page.page,
}


def main() -> None:
    """Write each page."""
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
        print(f"wrote docs/{name}")


if __name__ == "__main__":
    main()
