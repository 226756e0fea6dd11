"""An HTTP server for one person's browser: so many connections at once and no more, and none that only waits."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import sys
import threading
import time
from http.server import ThreadingHTTPServer
from typing import Any

MOST_CONNECTIONS = 32
PATIENCE = 10.0
"""Seconds that a whole request may take to come."""
FULL = b"HTTP/1.0 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class BoundedServer(ThreadingHTTPServer):
    """Answers at most MOST_CONNECTIONS at once, each in a thread; hangs up on a request that has not come after PATIENCE."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = MOST_CONNECTIONS

    def __init__(self, address: tuple[str, int], handler: type[socketserver.BaseRequestHandler]):
        self._free = threading.BoundedSemaphore(MOST_CONNECTIONS)
        self.waiting: dict[Any, float] = {}
        """Connections whose request is not here yet, and since when."""
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Begin a thread for a connection, or refuse it where there are too many."""
        if not self._free.acquire(blocking=False):
            request.setblocking(False)
            with contextlib.suppress(OSError):  # it has gone already
                request.send(FULL)
            self.shutdown_request(request)
            return
        self.waiting[request] = time.monotonic()
        try:
            super().process_request(request, client_address)
        except BaseException:
            self.waiting.pop(request, None)
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer one connection and give its place free."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.waiting.pop(request, None)
            self._free.release()

    def has_come(self, request: Any) -> None:
        """Note that a whole request is here: from now on it is ours that takes time."""
        self.waiting.pop(request, None)

    def service_actions(self) -> None:
        """Hang up on who has not asked anything for too long, also where a byte comes now and then."""
        now = time.monotonic()
        for request, since in list(self.waiting.items()):
            if now - since > PATIENCE:
                self.waiting.pop(request, None)
                with contextlib.suppress(OSError):  # it has gone already
                    request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away in mid-answer is no error."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)
