"""Figures that the page shows as pictures: those that are read at a glance and have their numbers in a table."""

from __future__ import annotations

import base64
from pathlib import Path

from analysis.chart_svg import why_button
from analysis.escape import page as in_page
from analysis.figures import Drawn


def picture_html(figure: Drawn, folder: Path) -> str:
    """A figure element with the PNG of the report's folder inside it."""
    content = base64.b64encode((folder / f"{figure.name}.png").read_bytes()).decode()
    alternative = in_page(figure.caption.partition(". ")[0])
    return (
        f'<figure id="{in_page(figure.name)}" class="picture">'
        f'<img alt="{alternative}" src="data:image/png;base64,{content}">'
        f"<figcaption>{in_page(figure.caption)} {why_button('figure', figure.name)}</figcaption></figure>\n"
    )
