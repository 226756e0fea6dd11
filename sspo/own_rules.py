"""A segmentation rule of the user's own: `path/to/file.py:function`, named where a rule's name would stand.

Naming and hashing one needs no torch and runs nothing of the file; sspo/segmentation/own.py imports it.
"""

from __future__ import annotations

import ast
import hashlib
from pathlib import Path

from sspo.errors import UserError, unknown

DIGITS = 12


def is_own(rule: str) -> bool:
    """Whether a rule's name is a file and a function rather than a row of RULES."""
    return ".py:" in rule


def split_own(rule: str) -> tuple[Path, str]:
    """(file, function) of a rule of the user's own."""
    path, _, name = rule.rpartition(":")
    return Path(path).expanduser(), name


def check_own(key: str, rule: str) -> None:
    """Raise UserError where the file is not there, is no Python, or defines no such function."""
    path, name = split_own(rule)
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(
            f"{key}={rule}: cannot read {path} ({error.strerror}); write path/to/file.py:function"
        ) from error
    except (SyntaxError, ValueError) as error:
        raise UserError(f"{key}={rule}: {path} is no Python: {error}") from error
    functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    if name not in functions:
        raise unknown(f"function of {path}", name, functions)


def rule_identity(rule: str) -> str:
    """What a rule adds to a cell's hash: its name, or its function and the content of its file wherever that lies."""
    if not is_own(rule):
        return rule
    path, name = split_own(rule)
    return f"{name}@{hashlib.sha256(path.read_bytes()).hexdigest()[:DIGITS]}"
