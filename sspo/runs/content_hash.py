"""Short names of content: equal options, in any order, have one name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

DIGITS = 12


def content_hash(content: Mapping[str, Any]) -> str:
    """Return twelve hexadecimal digits of the SHA-256 of JSON content."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]
