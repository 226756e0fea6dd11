"""Junk and small damage, drawn from one seed: what a file looks like after an accident, or from an unkind hand."""

from __future__ import annotations

import random

JUNK = (
    b"", b"\0", b"\n", b"null", b"[]", b"{}", b"5", b'"x"', b"true", b"\xff\xfe\x00", b"caf\xe9", b"\xef\xbb\xbf{}",
    b"[" * 100_000, b"{" * 50_000, b'{"a":' * 5_000, b"a: " * 2_000, b"- " * 3_000 + b"x", b"{" + b"a: {" * 900,
    b'{"x": NaN}', b'{"x": 1e999}', b'{"x": ' + b"9" * 5_000 + b"}", b"x: 0x" + b"f" * 100_000, b"9" * 10_000,
    b'{"a": "\\ud800"}', b'{"\\udfff": 1}', b"\x1b]52;c;AAAA\x07", b"\xe2\x80\xae" * 50, b"a: &a [x]\nb: *a\n",
    b"a: &a [1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
    b"d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n",
    b"!!python/object/apply:os.system ['true']\n", b"<<: {a: 1}\n", b"? [a]\n: b\n", b"a: 1\na: 2\n", b"\tx: 1\n",
    b"PAR1" + b"\0" * 64 + b"PAR1", b"\x89PNG\r\n", b"PK\x03\x04", b"cos\nsystem\n(S'true'\ntR.",
)  # fmt: skip
VALUES = (
    b"null", b"-1", b"0.5", b"1e300", b"1e-300", b"99999999999", b"true", b'""', b"[]", b"{}", b"'x'", b"NaN", b"[1, [2]]",
    b"${oc.env:HOME}", b"../../x", b"\\x00", b"2030-01-01", b"*a", b"0x10", b"1_000", b"~", b"<script>",
)  # fmt: skip


def spoiled(content: bytes, rng: random.Random) -> bytes:
    """A content with one to three accidents, or junk in its place."""
    if rng.random() < 0.2:
        return rng.choice(JUNK)
    for _ in range(rng.randint(1, 3)):
        content = rng.choice((_flip, _cut, _doubled, _inserted, _valued, _swapped))(content, rng)
    return content


def _flip(content: bytes, rng: random.Random) -> bytes:
    if not content:
        return content
    at = rng.randrange(len(content))
    return content[:at] + bytes([content[at] ^ 1 << rng.randrange(8)]) + content[at + 1 :]


def _cut(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randint(0, len(content))]


def _doubled(content: bytes, rng: random.Random) -> bytes:
    a, b = sorted(rng.randint(0, len(content)) for _ in range(2))
    return content[:b] + content[a:b] + content[b:]


def _inserted(content: bytes, rng: random.Random) -> bytes:
    at = rng.randint(0, len(content))
    return content[:at] + rng.choice(JUNK)[:2_000] + content[at:]


def _valued(content: bytes, rng: random.Random) -> bytes:
    """Another value after a colon or comma."""
    places = [i for i, byte in enumerate(content[:20_000]) if byte in b":,="]
    if not places:
        return content
    at = rng.choice(places) + 1
    end = next((i for i in range(at, len(content)) if content[i] in b",\n}]"), len(content))
    return content[:at] + b" " + rng.choice(VALUES) + content[end:]


def _swapped(content: bytes, rng: random.Random) -> bytes:
    lines = content.split(b"\n")
    rng.shuffle(lines)
    return b"\n".join(lines)
