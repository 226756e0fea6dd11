"""Control characters made visible, so that no log and no message moves a cursor, sets a title or reverses a line."""

from __future__ import annotations

import unicodedata


def visible(text: str) -> str:
    """Return text whose control and format characters are visible and have no effect.

    A line break is `⏎` and then a break; others are control pictures or `⟨U+202E⟩`.
    """
    return text if text.isprintable() else "".join(map(_seen, text))


def visible_lines(text: str) -> str:
    """Return the same for a terminal: line breaks stay, and tabs become blanks."""
    return "\n".join(visible(line) for line in text.expandtabs().split("\n"))


def _seen(character: str) -> str:
    code = ord(character)
    if character == "\n":
        return "⏎\n"
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    unseen = unicodedata.category(character) in ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp")
    return f"⟨U+{code:04X}⟩" if unseen else character
