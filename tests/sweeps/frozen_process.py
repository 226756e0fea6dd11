"""A sweep of one trial that pulses: `frozen_process.py STORE`. Its trial: `frozen_process.py --trial FOLDER STORE`.

The trial writes its pid into STORE/pulses twenty times a second, as a run writes its logs, until STORE/release exists.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))


def pulse(folder: Path, store: Path) -> None:
    """The trial."""
    from sspo import fence

    while not (store / "release").exists():
        fence.check()
        with (store / "pulses").open("a") as stream:
            stream.write(f"{os.getpid()}\n")
        time.sleep(0.05)
    fence.check()
    (folder / "DONE.json").write_text("{}")


def sweep(store: Path) -> bool:
    """Whether it ran to its end."""
    from sweeps.board import Board
    from sweeps.claims import Watch
    from sweeps.estimate import Pace
    from sweeps.plan import Trial
    from sweeps.pool import Pool

    trial = Trial(arm="one", seed=0, overrides=(), rollouts=1, store=store, cell="one")
    command = [sys.executable, "-S", __file__, "--trial", str(trial.folder), str(store)]
    return Pool(Board(workers=1, pace=Pace()), lambda trial: command, watch=Watch(1.0)).run([trial])


if __name__ == "__main__":
    if sys.argv[1] == "--trial":
        pulse(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        sys.exit(0 if sweep(Path(sys.argv[1])) else 130)
