"""docs/architecture.md: its rooms are those of the packages, in their order, and every file and function that it names is there."""

from __future__ import annotations

import ast
import re

import pytest

from tests.docs.blocks import ROOT
from tests.test_rooms import LAWS

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`((?:sspo|sweeps|analysis|conf|tests)/[\w./]+?)(?::(\w+))?`", PAGE)))


@pytest.mark.parametrize("package", LAWS)
def test_the_page_has_every_room_in_the_order_of_the_package_s_own_map(package: str) -> None:
    section = PAGE.split(f"### {package}:")[1].split("\n#")[0]
    shown = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    said = ast.get_docstring(ast.parse((ROOT / package / "__init__.py").read_text(encoding="utf-8"))) or ""
    assert shown == [line.split()[0] for line in said.splitlines() if "  " in line]


def test_every_file_and_name_of_the_page_exists() -> None:
    assert len(NAMED) > 40
    missing = [f"{path}:{name}" for path, name in NAMED if not _is_there(path, name)]
    assert not missing


def _is_there(path: str, name: str) -> bool:
    if not (ROOT / path).exists():
        return False
    return not name or name in _top_level(path)


def _top_level(path: str) -> set[str]:
    found: set[str] = set()
    for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
    return found
