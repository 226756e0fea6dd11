"""The processes that grade: answers go in, statuses come out, and no effect of an answer reaches this process.

They start with the first answer, serve a whole run and end with it. A status is a function of the answer, the right
answers and the two limits: not of the load, of the order, or of the number of processes.
"""

from __future__ import annotations

import json
import os
import re
import select
import subprocess
import sys
import weakref
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from typing import IO

from sspo.config import RewardConfig
from sspo.config.places import PACKAGE
from sspo.errors import UserError
from sspo.grading.answer import find_answer, plain_number
from sspo.grading.server import main

PACKAGES = ("math_verify", "latex2sympy2_extended")
MOST = 1 << 20
"""Bytes of a reply."""
OK, WRONG, UNPARSABLE = "ok", "wrong", "unparsable"
WHOLE = re.compile(r"-?[0-9]{1,15}")
BOXED_WHOLE = re.compile(rf"\\boxed\{{\s*({WHOLE.pattern})\s*\}}")

Asked = tuple[str, tuple[str, ...]]
"""An answer and the right ones."""


class Graders:
    """`reward.workers` processes with math-verify."""

    def __init__(self, config: RewardConfig):
        """Prepare without starting anything. Raises UserError if math-verify is not installed."""
        missing = [name for name in PACKAGES if find_spec(name) is None]
        if missing:
            raise UserError(
                f"reward 'math_verify' needs the package {missing[0]}, which is not installed: run `make setup`"
            )
        self.limits = {"cpu_seconds": config.cpu_seconds, "memory_mb": config.memory_mb}
        self.workers = config.workers
        self._servers: list[_Server] = []
        self._owner = os.getpid()

    def grade(self, texts: Iterable[str], golds: Iterable[Sequence[str]]) -> list[str]:
        """Return one status per text: ok, wrong, unparsable, timeout or crashed. `golds[i]` are the right answers to
        text i.

        Equal answers to equal questions are graded once.
        """
        pairs = zip(texts, golds, strict=True)
        asked = [(find_answer(text), tuple(map(plain_number, right))) for text, right in pairs]
        wanted = dict.fromkeys((answer, right) for answer, right in asked if answer is not None)
        at_once = {one: status for one in wanted if (status := status_of_whole_number(*one)) is not None}
        try:
            found = self._statuses([one for one in wanted if one not in at_once]) | at_once
        except BaseException:
            self.close()  # others may still owe a reply, which must not go to the next answer
            raise
        return [UNPARSABLE if answer is None else found[answer, right] for answer, right in asked]

    def _statuses(self, asked: Sequence[Asked]) -> dict[Asked, str]:
        """Return the statuses; each free server gets the next answer."""
        found: dict[Asked, str] = {}
        waiting = iter(asked)
        servers = self._running(len(asked))
        busy: dict[IO[bytes], _Server] = {}
        for server, one in zip(servers, waiting, strict=False):
            server.ask(one, self.limits)
            busy[server.replies] = server
        while busy:
            ready, _, _ = select.select(list(busy), [], [])
            for replies in ready:
                server = busy[replies]
                one, status = server.answer()
                found[one] = status
                following = next(waiting, None)
                if following is None:
                    del busy[replies]
                else:
                    server.ask(following, self.limits)
        return found

    def _running(self, wanted: int) -> list[_Server]:
        """Return as many servers as there is work for. A forked copy of this process starts its own."""
        if self._owner != os.getpid():
            self._servers, self._owner = [], os.getpid()
        self._servers = [server for server in self._servers if server.process.poll() is None]
        while len(self._servers) < min(wanted, self.workers):
            self._servers.append(_Server())
        return self._servers[:wanted]

    def server_pids(self) -> list[int]:
        """Return process ids; each has the process that grades as its child."""
        return [server.process.pid for server in self._servers]

    def close(self) -> None:
        """End the processes; the next answer starts new ones."""
        for server in self._servers:
            server.end()
        self._servers = []


def status_of_whole_number(answer: str, golds: Sequence[str]) -> str | None:
    """Return math-verify's verdict on a boxed whole number against whole numbers without calling it, or None for
    anything else.

    Half of ordinary answers are such, and need no grammar and no limits.
    """
    found = BOXED_WHOLE.fullmatch(answer)
    if found is None or not golds or not all(WHOLE.fullmatch(gold) for gold in golds):
        return None
    return OK if int(found[1]) in map(int, golds) else WRONG


class _Server:
    """A process of sspo/grading/server.py, and its current answer."""

    def __init__(self) -> None:
        self.current: Asked | None = None
        path = os.pathsep.join(filter(None, (str(PACKAGE.parent), os.environ.get("PYTHONPATH"))))
        # sympy orders by hash in places: with a fixed seed, equal answers take equal paths
        environment = {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", main.__module__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            bufsize=0,
        )
        if self.process.stdin is None or self.process.stdout is None:
            raise RuntimeError("a process without pipes")
        self.requests: IO[bytes] = self.process.stdin
        self.replies: IO[bytes] = self.process.stdout
        self.end = weakref.finalize(self, _end, self.process, os.getpid())
        if self._status() != "ready":
            raise RuntimeError("a grader that does not begin with READY")

    def ask(self, asked: Asked, limits: Mapping[str, float]) -> None:
        """Send it an answer."""
        answer, golds = asked
        self.current = asked
        self._send({"answer": answer, "golds": golds, **limits})

    def answer(self) -> tuple[Asked, str]:
        """Return the answer that it was given, and its status."""
        if self.current is None:
            raise RuntimeError("an unexpected reply")
        return self.current, self._status()

    def _send(self, request: Mapping[str, object]) -> None:
        try:
            self.requests.write(json.dumps(request).encode() + b"\n")
        except OSError as error:
            raise self._dead() from error

    def _status(self) -> str:
        line = b""
        while not line.endswith(b"\n"):
            read = self.replies.read(4096)
            if not read or len(line) > MOST:
                raise self._dead()
            line += read
        return str(json.loads(line)["status"])

    def _dead(self) -> UserError:
        """Return the error for a dead server. The server reads no answer, so no answer is the cause."""
        status = self.process.wait()
        how = f"was killed by signal {-status}" if status < 0 else f"exited with status {status}"
        return UserError(
            f"reward 'math_verify': the process that starts graders {how}: if memory is short, lower reward.memory_mb or "
            "reward.workers; `python -m sspo.grading.server` shows what is missing"
        )


def _end(process: subprocess.Popen[bytes], owner: int) -> None:
    """Close the pipes, at which it ends, and reap it. A forked copy of its owner leaves it alone."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    if owner == os.getpid():
        process.wait()
