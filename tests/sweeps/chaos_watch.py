"""Inside a real trial of the chaos test: makes it wait to be killed, some time after its first checkpoint.

Python announces every change of a file to an audit hook before it is made. At a random one after the run has a checkpoint
the process reports that it waits, and waits until it is killed or SCRATCH/go exists. So every kill hits training,
however fast the machine is, and no real trial finishes early. The product contains no code for this.
"""

from __future__ import annotations

import os
import random
import sys
import time
from pathlib import Path

from sspo.runs.fence import VARIABLE
from tests.sweeps.chaos_notes import FINISHES, GO, STANDING, begin, note, set_the_clock_wrong
from tests.trainer.changes import changed

MOST_CHANGES = 25
"""Of two rollouts, about."""
LOOK = 0.02


class Watch:
    """Of the run folder of one trial."""

    def __init__(self, scratch: Path, lease: Path, seed: str):
        self.scratch, self.folder = scratch, lease.parents[1]
        self.name = self.folder.parent.name
        self.left = random.Random(f"{seed} {self.name} {lease.stem}").randint(1, MOST_CHANGES)
        self.alone = begin(scratch, self.folder)

    def hook(self, event: str, arguments: tuple) -> None:
        """Handle an audit event, which Python raises before the action."""
        path = changed(event, arguments)
        if path is None or (path.startswith("/") and not path.startswith(str(self.folder))):
            return
        if not any((self.folder / "checkpoints").glob("rollout*")):
            return
        self.left -= 1
        ends = event == "os.link" and path.endswith("/DONE.json")
        if self.left == 0 or ends:
            self._stand()
        if ends:
            note(self.scratch / FINISHES, self.name)

    def _stand(self) -> None:
        partial = self.scratch / f"{self.name}.{os.getpid()}"
        partial.write_text(str(os.getpid()))
        partial.replace(self.scratch / STANDING / self.name)
        while not (self.scratch / GO).exists():
            time.sleep(LOOK)


def install(scratch: str, seed: str) -> None:
    """Watch this process if it is a trial."""
    lease = os.environ.get(VARIABLE)
    if lease:
        set_the_clock_wrong(Path(scratch))
        sys.addaudithook(Watch(Path(scratch), Path(lease), seed).hook)
