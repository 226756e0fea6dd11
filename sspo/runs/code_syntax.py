"""Canonical syntax trees for the code key: a module's bindings and imports, and code as text without irrelevant detail."""

from __future__ import annotations

import ast
from collections.abc import Callable

DROPPED = {"type_params", "type_comment", "ctx", "kind", "returns", "annotation", "type_ignores"}
"""Fields of syntax nodes that differ between versions of Python or that decide no number. Annotations in a class are
kept.
"""

Place = tuple[str, str]
"""(module, name)."""


def bindings(tree: ast.Module) -> dict[str, tuple[ast.stmt, ...]]:
    """Return, by name, the statements of a module's top level that bind it; those that bind none are under the empty
    name.
    """
    bound: dict[str, tuple[ast.stmt, ...]] = {}
    for statement in tree.body:
        if not isinstance(statement, ast.Import | ast.ImportFrom) and not _is_text(statement):
            for name in _bound_by(statement) or [""]:
                bound[name] = (*bound.get(name, ()), statement)
    return bound


def _bound_by(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [statement.name]
    if isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
        return [
            node.id
            for node in ast.walk(statement)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        ]
    return []


def imports(tree: ast.Module) -> dict[str, Place]:
    """Return name to (module, name there) for all imports; the name there is empty if the module itself is bound.

    This includes imports inside functions and under `if`: they bind names for the code below them.
    """
    bound: dict[str, Place] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            bound |= {alias.asname or alias.name: (node.module, alias.name) for alias in node.names}
        elif isinstance(node, ast.Import):
            bound |= {alias.asname: (alias.name, "") for alias in node.names if alias.asname}
    return bound


def canonical(node: ast.AST) -> str:
    """Return a syntax tree as text that is equal in every version of Python, without docstrings, imports and irrelevant
    fields.
    """
    written: list[str] = []
    _write(node, written.append, in_class=False)
    return "".join(written)


def _write(value: object, put: Callable[[str], None], *, in_class: bool) -> None:
    if isinstance(value, ast.AST):
        if not isinstance(value, ast.Import | ast.ImportFrom):
            _write_node(value, put, in_class=in_class)
    elif isinstance(value, list):
        for item in value:
            _write(item, put, in_class=in_class)
    else:
        put(f"{type(value).__name__}:{value!r}")


def _write_node(node: ast.AST, put: Callable[[str], None], *, in_class: bool) -> None:
    put(f"({type(node).__name__}")
    dropped = DROPPED - {"annotation"} if in_class and isinstance(node, ast.AnnAssign) else DROPPED
    inside = isinstance(node, ast.ClassDef) or (in_class and not isinstance(node, ast.FunctionDef))
    for name, content in ast.iter_fields(node):
        if name in dropped or content is None or content == []:
            continue
        put(f" {name}=")
        _write(_without_text(content) if name == "body" else content, put, in_class=inside)
    put(")")


def _without_text(body: object) -> object:
    return [item for item in body if not _is_text(item)] if isinstance(body, list) else body


def _is_text(statement: object) -> bool:
    """Return whether a statement is a bare string: a docstring, or one below a constant."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )
