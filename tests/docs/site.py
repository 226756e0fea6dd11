"""The hook of `make site` (mkdocs.yml): navigation from docs/README.md, and a place for every file that pages link to.

Pages of docs/ link to files outside it, as GitHub shows them. On the site the README is the home page, the index of the documentation is
`contents.md`, the change log and its like are pages, a report is its own index.html, and a source file is its name without a link.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
PAGES = {
    "README.md": "index.md",
    "docs/README.md": "contents.md",
    "CHANGELOG.md": "project/changelog.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "SECURITY.md": "project/security.md",
    "reports/LOG.md": "project/log.md",
}
"""Files outside docs/ that are pages of the site, and the index, which is not its home page."""
PROJECT = {
    "Contributing": "project/contributing.md",
    "Changes": "project/changelog.md",
    "Log of results": "project/log.md",
    "Security": "project/security.md",
}
ENTRY = re.compile(r"^- \[([^\]]+)\]\(([^)]+)\)", re.MULTILINE)
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
FENCED = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)


def place(path: str) -> str | None:
    """The address on the site, as mkdocs has it for sources, of a file of the repository; None if it has none."""
    if path in PAGES:
        return PAGES[path]
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    if path.startswith("reports/") and (ROOT / path).is_file():
        return posixpath.join(posixpath.dirname(path), "index.html") if path.endswith(".md") else path
    return None


def navigation() -> list[dict[str, Any]]:
    """The groups of docs/README.md, in their order."""
    text = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    nav: list[dict[str, Any]] = [{"Home": "index.md"}, {"All pages": "contents.md"}]
    for group in text.split("\n## ")[1:]:
        title = group.split("\n", 1)[0]
        nav.append({title: [{name: target} for name, target in ENTRY.findall(group)]})
    decisions = (ROOT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")
    records = [{name: f"decisions/{target}"} for name, target in ENTRY.findall(decisions)]
    reference = next(group for group in nav if "Reference" in group)["Reference"]
    reference[-1] = {"Decisions": [{"Overview": reference[-1]["Decisions"]}, *records]}
    return [*nav, {"Project": [{name: target} for name, target in PROJECT.items()]}]


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Take the navigation from the index."""
    config.nav = navigation()
    return config


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add what lies outside docs/ and is linked to."""
    from mkdocs.structure.files import File

    for file in list(files):
        if file.src_uri == "README.md":
            files.remove(file)
    for path, uri in PAGES.items():
        files.append(File.generated(config, uri, abs_src_path=str(ROOT / path)))
    for path in sorted({target for page in _sources() for target in _outside(page)}):
        uri = place(path)
        if uri is not None and uri not in files.src_uris:
            shown = posixpath.join(posixpath.dirname(path), posixpath.basename(uri))
            files.append(File.generated(config, uri, abs_src_path=str(ROOT / shown)))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links lead to where their files are on the site."""
    del config, files
    uri = page.file.src_uri
    source = next((path for path, at in PAGES.items() if at == uri), f"docs/{uri}")

    def moved(found: re.Match[str]) -> str:
        mark, text, target = found[1], found[2], found[3]
        if "://" in target or target.startswith(("#", "mailto:")):
            return found[0]
        name, hash_mark, anchor = target.partition("#")
        at = place(posixpath.normpath(posixpath.join(posixpath.dirname(source), name)))
        if at is None:
            return text
        if at.endswith(".html"):
            hash_mark = anchor = ""
        return f"{mark}[{text}]({posixpath.relpath(at, posixpath.dirname(uri) or '.')}{hash_mark}{anchor})"

    parts = FENCED.split(markdown)
    return "".join(part if i % 2 else LINK.sub(moved, part) for i, part in enumerate(parts))


def _sources() -> list[str]:
    pages = [str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md")]
    return [*pages, *(path for path in PAGES if path not in pages)]


def _outside(source: str) -> set[str]:
    """Files outside docs/ that a page links to, below the repository's root."""
    text = FENCED.sub("", (ROOT / source).read_text(encoding="utf-8"))
    targets = {target.partition("#")[0] for _, _, target in LINK.findall(text) if "://" not in target}
    paths = {
        posixpath.normpath(posixpath.join(posixpath.dirname(source), target)) for target in targets if target
    }
    return {path for path in paths if not path.startswith(("docs/", "../"))}
