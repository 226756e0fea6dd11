"""A separate process that matches texts and ends itself after some seconds of CPU time; it uses only the standard
library.

Standard input: JSON of `pattern`, `texts` and `seconds`. Standard output: JSON, a list of spans for every text. It is
started by its path (sspo/config/patterns.py), so it imports nothing from the project.
"""

from __future__ import annotations

import json
import re
import resource
import sys

MEMORY = 1 << 30


def main() -> None:
    """Match, under limits that the kernel enforces."""
    asked = json.load(sys.stdin)
    seconds = asked["seconds"]
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    compiled = re.compile(asked["pattern"])
    found = [[found.span() for found in compiled.finditer(text)] for text in asked["texts"]]
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
