"""A segmentation rule of the user's own: `path/to/file.py:function`, named where a rule's name would stand.

Naming and hashing one needs no torch and runs nothing of the file; sspo/segmentation/user_rule.py imports it.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from pathlib import Path

from sspo.config import SegmentationConfig
from sspo.errors import UserError, unknown

DIGITS = 12
HOUSE = ("sspo", "sweeps", "analysis")
"""Packages of the project itself: env.json has the hash of their code."""


def is_own(rule: str) -> bool:
    """Whether a rule's name is a file and a function rather than a row of RULES."""
    return ".py:" in rule


def split_own(rule: str) -> tuple[Path, str]:
    """(file, function) of a rule of the user's own."""
    path, _, name = rule.rpartition(":")
    return Path(path).expanduser(), name


def check_own(key: str, rule: str) -> None:
    """Raise UserError where the file is not there, is no Python, defines no such function or imports a file beside it."""
    path, name = split_own(rule)
    if path.exists() and not path.is_file():
        raise UserError(f"{key}={rule}: {path} is no file; write path/to/file.py:function")
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(
            f"{key}={rule}: cannot read {path} ({error.strerror}); write path/to/file.py:function"
        ) from error
    except (SyntaxError, ValueError, RecursionError) as error:
        raise UserError(f"{key}={rule}: {path} is no Python: {error}") from error
    functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    if name not in functions:
        raise unknown(f"function of {path}", name, functions)
    for module in _imported(tree):
        beside = _beside(path, module)
        if beside is not None:
            raise UserError(
                f"{key}={rule}: {path.name} imports '{module}', which is {beside}, and a cell is named by the content of "
                f"{path.name} alone: keep a rule in one file, or install what it shares as a package"
            )


def names_in_use(rule: SegmentationConfig) -> list[str]:
    """The rule's name, and that of the rule whose lengths or count it takes."""
    names = [rule.rule]
    names += [rule.random_like] if "random" in names else []
    names += [rule.fixed_like] if "fixed" in names and rule.fixed_like is not None else []
    return names


def _imported(tree: ast.Module) -> Iterator[str]:
    """The first name of every module that is imported anywhere in a file; `.` for a relative import."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." if node.level else (node.module or "").partition(".")[0]


def _beside(path: Path, module: str) -> Path | None:
    """The file or folder beside a rule, or where the command runs, that an import would read; None where there is none."""
    if module == ".":
        return path.parent
    if module in HOUSE:
        return None
    places = dict.fromkeys((path.resolve().parent, Path.cwd()))
    candidates = (place / name for place in places for name in (f"{module}.py", module))
    return next(
        (found for found in candidates if (found.suffix == ".py" and found.is_file()) or found.is_dir()), None
    )


def rule_identity(rule: str) -> str:
    """What a rule adds to a cell's hash: its name, or its function and the content of its file wherever that lies."""
    if not is_own(rule):
        return rule
    path, name = split_own(rule)
    return f"{name}@{hashlib.sha256(path.read_bytes()).hexdigest()[:DIGITS]}"
