"""`python -m sspo.grading.server`: forks the process that grades, sends it one answer at a time, and reports how it
died.

One line of JSON each way, over standard input and output: {"answer", "golds", "cpu_seconds", "memory_mb"} becomes
{"status"}, in order; the first line of output is READY. The server itself reads no answer, so it survives when one
kills. Forks start with math-verify imported: after a death the next costs milliseconds and not a second. Server and
grader end when their parent does, because a pipe closes then.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import select
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any

from sspo.grading.limits import OUT_OF_TIME, limited, memory, settle

MOST = 1 << 20
"""Bytes of a grader's reply."""
GROWN_MB = 64
"""A grader that has grown by this much is replaced, so that no answer is affected by an earlier one."""
READY, TIMEOUT, CRASHED = "ready", "timeout", "crashed"
PR_SET_PDEATHSIG = 1


@dataclass
class Grader:
    """A forked process that grades; `requests` and `replies` are this process's ends of its pipes."""

    pid: int
    requests: IO[bytes]
    replies: IO[bytes]

    def ask(self, line: bytes) -> None:
        """Send it a request. If it is dead already, its reply shows that."""
        with suppress(BrokenPipeError):
            self.requests.write(line)

    def died_of(self) -> int:
        """Return the signal that killed it; 0 for none. Waits for it."""
        self.requests.close()
        self.replies.close()
        _, status = os.waitpid(self.pid, 0)
        return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


@dataclass
class Server:
    """The server's own pipes, and its grader while there is one."""

    asked: IO[bytes]
    told: IO[bytes]
    grader: Grader | None = None

    def serve(self) -> None:
        """Answer requests until they end."""
        while line := self.asked.readline():
            self.tell(self._status(line))

    def tell(self, status: str) -> None:
        """Write a reply."""
        self.told.write(json.dumps({"status": status}).encode() + b"\n")

    def _status(self, line: bytes) -> str:
        """Return the status of one answer. A death from anything but its time is retried once, because the answer may
        not be the cause.
        """
        for _ in range(2):
            grader = self.grader = self.grader or self._fork()
            grader.ask(line)
            reply = self._reply(grader)
            if reply is not None and not reply["last"]:
                return str(reply["status"])
            self.grader, signaled = None, grader.died_of()
            if reply is not None:
                return str(reply["status"])
            if signaled == OUT_OF_TIME:
                return TIMEOUT
        return CRASHED

    def _reply(self, grader: Grader) -> dict[str, Any] | None:
        """Return the grader's reply, or None if it died. Ends it and this process if the requests end in the meantime."""
        ready, _, _ = select.select([grader.replies, self.asked], [], [])
        if grader.replies not in ready:
            os.kill(grader.pid, signal.SIGKILL)
            sys.exit(0)
        line = grader.replies.readline(MOST)
        if not line.endswith(b"\n"):
            return None
        reply: dict[str, Any] = json.loads(line)
        return reply

    def _fork(self) -> Grader:
        (theirs_in, ours_out), (ours_in, theirs_out) = os.pipe(), os.pipe()
        server, pid = os.getpid(), os.fork()
        if pid == 0:
            try:
                for inherited in (ours_out, ours_in, self.asked.fileno(), self.told.fileno()):
                    os.close(inherited)
                _grade(server, os.fdopen(theirs_in, "rb"), os.fdopen(theirs_out, "wb", 0))
            finally:
                os._exit(1)
        os.close(theirs_in)
        os.close(theirs_out)
        return Grader(pid=pid, requests=os.fdopen(ours_out, "wb", 0), replies=os.fdopen(ours_in, "rb"))


def _grade(server: int, requests: IO[bytes], replies: IO[bytes]) -> None:
    """Run a grader. It is killed when the server dies."""
    from sspo.grading.verdict import judge, read

    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != server:
        return
    settle()
    begun = memory("VmRSS")
    while line := requests.readline():
        request = json.loads(line)
        bounds = request["cpu_seconds"], request["memory_mb"]
        with limited(*bounds):
            golds = read(request["golds"])
        with limited(*bounds) as taken:
            status = judge(request["answer"], golds)
        status = CRASHED if taken.too_much else status
        last = taken.too_much or memory("VmRSS") > begun + GROWN_MB
        replies.write(json.dumps({"status": status, "last": last}).encode() + b"\n")
        if last:
            return


def main() -> None:
    """Serve until standard input ends."""
    server = Server(os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb", 0))
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1):
        os.dup2(nothing, standard)  # output of a library would corrupt the protocol
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # a terminal interrupts all processes: the parent ends this one
    from sspo.grading.verdict import warm  # late: the parent process does not need math-verify

    warm()
    gc.collect()
    gc.freeze()  # so that a fork copies as little as possible
    server.tell(READY)
    server.serve()


if __name__ == "__main__":
    main()
