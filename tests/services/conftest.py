"""Services that a search may talk to, started for real: a PostgreSQL server and optuna-dashboard (`make test-search`)."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "sweeps")]
PATIENCE = 120.0
"""Seconds that a service may take to answer at first."""


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(answer: Callable[[], Any], process: subprocess.Popen[bytes]) -> Any:
    """What `answer` returns once it raises no more."""
    limit = time.monotonic() + PATIENCE
    while True:
        try:
            return answer()
        except Exception:
            if process.poll() is not None or time.monotonic() > limit:
                raise
            time.sleep(0.1)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of an empty database in a server of its own; skips where no server is installed."""
    import psycopg

    found = shutil.which("postgres") or next(
        (str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))), None
    )
    if found is None:
        pytest.skip("no PostgreSQL server on this machine (apt-get install postgresql)")
    programs = Path(found).resolve().parent
    with _owned_folder() as (folder, account):
        data, port = folder / "data", free_port()
        initdb = [str(programs / "initdb"), "-D", str(data), "-U", "search", "--auth=trust", "--no-sync"]
        subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, cwd=folder, **account)
        options = ["-D", str(data), "-p", str(port), "-k", str(folder), "-h", "127.0.0.1", "-F"]
        log = (folder / "log").open("wb")
        with log, subprocess.Popen([found, *options], cwd=folder, stderr=log, **account) as server:
            try:
                url = f"postgresql://search:secret@127.0.0.1:{port}/postgres"
                wait_for(lambda: psycopg.connect(url).close(), server)
                yield url
            finally:
                server.send_signal(signal.SIGINT)  # a fast shutdown: SIGTERM would wait for idle connections


@contextmanager
def _owned_folder() -> Iterator[tuple[Path, dict[str, Any]]]:
    """A folder and whom to run as: PostgreSQL refuses to run as root."""
    folder = Path(tempfile.mkdtemp(prefix="search"))
    account: dict[str, Any] = {}
    if os.geteuid() == 0:
        account = {"user": "nobody", "group": "nogroup", "extra_groups": []}
        shutil.chown(folder, "nobody", "nogroup")
    try:
        yield folder, account
    finally:
        shutil.rmtree(folder)
