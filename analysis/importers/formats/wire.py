"""The wire format of protocol buffers, as far as event files need it: fields by number, no schema."""

from __future__ import annotations

from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
Field = tuple[int, int | bytes]


class BadMessage(ValueError):
    """Bytes that are not a message."""


def fields(message: bytes) -> Iterator[Field]:
    """Yield (number, value) of every field: an int for a varint, else its bytes. Raises BadMessage for damaged bytes."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        kind, value = tag & 7, b""
        if kind == VARINT:
            number, at = _varint(message, at)
            yield tag >> 3, number
            continue
        if kind == BYTES:
            size, at = _varint(message, at)
        elif kind in (FIXED64, FIXED32):
            size = 8 if kind == FIXED64 else 4
        else:
            raise BadMessage(f"wire type {kind}")
        value, at = message[at : at + size], at + size
        if at > len(message):
            raise BadMessage("a field beyond the end")
        yield tag >> 3, value


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 70:
        if at >= len(message):
            raise BadMessage("a number beyond the end")
        byte = message[at]
        value, shift, at = value | (byte & 0x7F) << shift, shift + 7, at + 1
        if byte < 0x80:
            return value & (2**64 - 1), at
    raise BadMessage("a number of more than ten bytes")


def signed(value: int) -> int:
    """Return a varint as the int64 or int32 that it encodes."""
    return value - 2**64 if value >= 2**63 else value


def all_of(message: bytes, number: int) -> list[bytes]:
    """Return every message or text in the field of that number."""
    return [value for n, value in fields(message) if n == number and isinstance(value, bytes)]


def text(message: bytes, number: int) -> str:
    """Return the last text in the field of that number; empty if there is none."""
    found = all_of(message, number)
    return found[-1].decode("utf-8", "replace") if found else ""


def integer(message: bytes, number: int) -> int | None:
    """Return the last integer in the field of that number; None if there is none."""
    found = [value for n, value in fields(message) if n == number and isinstance(value, int)]
    return signed(found[-1]) if found else None
