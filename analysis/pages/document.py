"""The frame of a page that loads nothing, shared by index.html and the dashboard, with the policy that
forbids loading.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

from analysis.pages.templates import own, render

ROOM = Path(__file__).parent
SCRIPT = (ROOM / "page.js").read_text(encoding="utf-8")


def style(*sheets: str) -> str:
    """Return the named style sheets of this room, joined."""
    return "".join("\n" + (ROOM / f"{name}.css").read_text(encoding="utf-8") for name in sheets)


def document(
    title: str,
    body: Markup,
    css: str,
    script: str,
    data: Mapping[str, Any] | None = None,
    connect: str = "none",
    forms: str = "none",
) -> str:
    """Return an HTML document that can load nothing: its policy allows its one style and its one script, by
    their hashes.

    `data` is what the script shows as provenance. `connect` is where the script may send requests and `forms`
    where forms may go: `none` or `self`.
    """
    page = render(
        "document.html",
        title=title,
        body=body,
        css=own(css),
        css_hash=_hash(css),
        script=own(script),
        script_hash=_hash(script),
        connect=connect,
        forms=forms,
        data=None if data is None else own(json_block(data)),
    )
    return f"{page}\n"


def json_block(content: Any) -> str:
    """Return JSON for a script element: no text in it can end the element or begin a comment."""
    text = json.dumps(content, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _hash(content: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"
