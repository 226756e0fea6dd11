"""A process of its own that loads named sets from a hub: `python -m tests.questions.hub_child LOCK`.

It reads NAME/PART a line, or `forget`, which empties its caches, and answers each with a line of JSON: how many questions, the
first right answer and the digest, or the sentence of what went wrong.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from sspo.errors import UserError
from sspo.questions import hub
from sspo.questions.sets import SETS


def answer(line: str, lock: Path) -> dict[str, Any]:
    """What is said to one line."""
    if line == "forget":
        shutil.rmtree(os.environ["HF_HOME"])
        hub._load.cache_clear()
        return {}
    name, part = line.split("/")
    try:
        found = hub.from_hub(name, SETS[name], part, lock)
        problems = found.load()
        return {"rows": len(problems), "answer": problems[0].answer, "digest": found.digest}
    except UserError as error:
        return {"error": str(error)}


for line in sys.stdin:
    print(json.dumps(answer(line.strip(), Path(sys.argv[1]))), flush=True)
