"""A sweep of one trial that pulses: `frozen_process.py STORE`. Its trial: `frozen_process.py --trial FOLDER STORE END`.

The trial writes its pid to STORE/pulses twenty times per second, as a run writes its logs, until STORE/release exists; then
it ends as given by END: `finish`, `fail` (it marks that itself) or `raise`. If STORE/freeze contains `PART EVENT NAME`, that part
of the sweep, `trial` or `worker`, stops itself just before Python performs the EVENT on a file called NAME.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

TARGET = {"os.rename": 1, "os.link": 1}
"""Audit events, each with which argument is the file's new name."""


def freeze(part: str, store: Path) -> None:
    """Stop this process at the moment that STORE/freeze names, if it names this part: once, and for one part."""
    path = store / "freeze"
    wanted, event, name = path.read_text().split() if path.exists() else ("", "", "")
    if wanted != part:
        return
    path.unlink()
    stopped: list[str] = []

    def hook(happens: str, arguments: tuple) -> None:
        if happens == event and not stopped and os.fsdecode(arguments[TARGET[event]]).endswith(f"/{name}"):
            stopped.append(name)
            os.kill(os.getpid(), signal.SIGSTOP)

    sys.addaudithook(hook)


def pulse(folder: Path, store: Path, end: str) -> None:
    """The trial."""
    from sspo.runs import fence

    freeze("trial", store)
    while not (store / "release").exists():
        fence.check()
        with (store / "pulses").open("a") as stream:
            stream.write(f"{os.getpid()}\n")
        time.sleep(0.05)
    fence.check()
    if end == "finish":
        (folder / "DONE.json").write_text("{}")
    elif end == "fail":
        from sspo.runs.runlog import mark_failed

        mark_failed(folder, "error", "marked by a trial that was frozen")
    else:
        raise ZeroDivisionError


def sweep(store: Path, end: str = "finish") -> bool:
    """Return whether it ran to its end."""
    from sweeps.ledger.leases import Watch
    from sweeps.monitor.board import Board
    from sweeps.plan.pace import Pace
    from sweeps.plan.plan import Trial
    from sweeps.workers.pool import Pool

    trial = Trial(arm="one", seed=0, overrides=(), rollouts=1, store=store, cell="one")
    python = (
        [sys.executable] if end == "fail" else [sys.executable, "-S"]
    )  # what marks a failure reads YAML too
    command = [*python, __file__, "--trial", str(trial.folder), str(store), end]
    return Pool(Board(workers=1, pace=Pace()), lambda trial: command, watch=Watch(1.0)).run([trial])


if __name__ == "__main__":
    if sys.argv[1] == "--trial":
        pulse(Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4])
    else:
        freeze("worker", Path(sys.argv[1]))
        sys.exit(0 if sweep(Path(sys.argv[1]), *sys.argv[2:]) else 130)
