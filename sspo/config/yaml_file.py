"""User-supplied YAML of studies, searches, claims and mappings: bounded before it is read, each key once.

Numbers are read as in Hydra, so that 1e-5 is a number and not a text. Sizes are counted on the stream of the parser's
events, which does not nest, before anything is built from them: a parser in C that recurses would end the whole
process.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from sspo.errors import UserError

LARGEST = 1_000_000
"""Maximum bytes of a file."""
DEEPEST = 30
"""Maximum nesting of lists and mappings."""
MOST_VALUES = 50_000
"""Maximum number of values and keys, each alias counted in full."""
LONGEST_NUMBER = 100
"""Maximum characters of a number."""
FLOAT, INT, TEXT = (f"tag:yaml.org,2002:{name}" for name in ("float", "int", "str"))
FLOATS = re.compile(
    r"""^(?:[-+]?[0-9]+(?:_[0-9]+)*\.[0-9_]*(?:[eE][-+]?[0-9]+)?
    |[-+]?[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+)
    |\.[0-9]+(?:_[0-9]+)*(?:[eE][-+][0-9]+)?
    |[-+]?[0-9]+(?:_[0-9]+)*(?::[0-5]?[0-9])+\.[0-9_]*
    |[-+]?\.(?:inf|Inf|INF)
    |\.(?:nan|NaN|NAN))$""",
    re.X,
)
"""Texts that Hydra's loader reads as a number with a fraction."""


class WrittenFloat(float):
    """A number that is printed as it was written, because it may be a name, such as a level of a factor."""

    def __new__(cls, value: float, text: str) -> WrittenFloat:
        """Create the number; `text` is its form in the file."""
        number = super().__new__(cls, value)
        number.text = text
        return number

    text: str

    def __str__(self) -> str:
        return self.text


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                continue
            name = self.construct_object(key, deep=True)
            if not isinstance(name, str | int | float | bool | None):
                raise _Refused("a key must be a word or a number, got a list or a mapping", key.start_mark)
            if name in seen:
                raise _Refused(f"'{name}' is given twice, again", key.start_mark)
            seen.add(name)
        self.flatten_mapping(node)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping

    def construct_written_float(self, node: Any) -> float:
        value: float = self.construct_yaml_float(node)
        return value if FLOAT_BEFORE.match(node.value) else WrittenFloat(value, node.value)


FLOAT_BEFORE = next(pattern for tag, pattern in yaml.SafeLoader.yaml_implicit_resolvers["1"] if tag == FLOAT)
_Loader.add_implicit_resolver(FLOAT, FLOATS, list("-+0123456789."))
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}
_Loader.add_constructor(FLOAT, _Loader.construct_written_float)


class _Refused(Exception):
    """An error and its position."""

    def __init__(self, what: str, mark: Any):
        super().__init__(f"{what} at line {mark.line + 1}")


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping in a YAML file.

    Raises UserError, naming the file and if possible the line, if it cannot be read, is too large or too deep, is not a
    mapping, not YAML or not UTF-8, or repeats a key.
    """
    return parse_mapping(_bytes(path), path)


def read_any(path: Path) -> Any:
    """Return the content of a YAML file, which may be empty or no mapping. Raises UserError as `read_yaml` does."""
    return parse_yaml(_text(_bytes(path), path), path)


def parse_mapping(raw: bytes, path: Path) -> dict[str, Any]:
    """Return the mapping in the bytes of a YAML file; `path` names it in messages. Raises UserError as `read_yaml`
    does.
    """
    content = parse_yaml(_text(raw, path), path)
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise UserError(f"{path} must hold a mapping of names to values, got {_kind(content)}")
    return content


def parse_yaml(text: str, path: Path) -> Any:
    """Return the content of YAML text; `path` names it in messages. Raises UserError as `read_yaml` does."""
    try:
        _bound(text)
        return yaml.load(text, Loader=_Loader)  # noqa: S506 a SafeLoader
    except _Refused as error:
        raise UserError(f"{path}: {error}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        said = " ".join(str(getattr(error, "problem", None) or error).split())
        raise UserError(f"{path} is not valid YAML{where}: {said}") from error
    except (ValueError, OverflowError) as error:  # a text that only looks like a number, such as 0x_
        raise UserError(f"{path} is not valid YAML: {error}") from error


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(LARGEST + 1)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error


def _text(content: bytes, path: Path) -> str:
    if len(content) > LARGEST:
        raise UserError(f"{path} is larger than {LARGEST // 1_000_000} MB, which no such file needs")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{path} is not UTF-8 at line {line} (byte 0x{content[error.start]:02x}); save it as UTF-8"
        ) from error


def _bound(text: str) -> None:
    """Refuse content that would take a reader long, much memory or a deep stack. Aliases count with the size of their
    values.
    """
    sizes: dict[str, int] = {}
    open_: list[tuple[str | None, int]] = []
    count = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.NodeEvent):
            count += sizes.get(event.anchor, MOST_VALUES) if isinstance(event, yaml.AliasEvent) else 1
        if count > MOST_VALUES:
            raise _Refused(f"more than {MOST_VALUES:,} values, aliases counted in full,", event.start_mark)
        if isinstance(event, yaml.NodeEvent) and getattr(event, "tag", None) not in (None, "!", TEXT):
            raise _Refused(f"the tag {event.tag} is not read; leave it out", event.start_mark)
        if isinstance(event, yaml.CollectionStartEvent):
            open_.append((event.anchor, count - 1))
            if len(open_) > DEEPEST:
                raise _Refused(f"lists and mappings nest deeper than {DEEPEST}", event.start_mark)
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_.pop()
            if anchor is not None:
                sizes[anchor] = count - before
        elif isinstance(event, yaml.ScalarEvent):
            _check_scalar(event)
            if event.anchor is not None:
                sizes[event.anchor] = 1


def _check_scalar(event: yaml.ScalarEvent) -> None:
    if any("\ud800" <= character <= "\udfff" for character in event.value):
        raise _Refused("half a character (a lone surrogate)", event.start_mark)
    if event.implicit[0] and len(event.value) > LONGEST_NUMBER and _resolved(event.value) in (INT, FLOAT):
        raise _Refused(f"a number has {len(event.value)} characters", event.start_mark)


def _resolved(value: str) -> str | None:
    """Return the type that a plain scalar is read as."""
    resolvers = _Loader.yaml_implicit_resolvers.get(value[:1], [])
    return next((tag for tag, pattern in resolvers if pattern.match(value)), None)


def _kind(content: object) -> str:
    if content is None:
        return "an empty file"
    if isinstance(content, dict):
        return "a key that is not a word; put it in quotes"
    return "a list" if isinstance(content, list) else "a single value"
