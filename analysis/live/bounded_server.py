"""An HTTP server for one person's browser: it bounds the number of connections and drops those that only
wait.
"""

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
"""Seconds within which a whole request must arrive."""
FULL = b"HTTP/1.0 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class BoundedServer(ThreadingHTTPServer):
    """Serves at most MOST_CONNECTIONS at once, one thread each; hangs up on a request that has not arrived
    after PATIENCE.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = MOST_CONNECTIONS

    def __init__(self, address: tuple[str, int], handler: type[socketserver.BaseRequestHandler]):
        self._free = threading.BoundedSemaphore(MOST_CONNECTIONS)
        self.waiting: dict[Any, float] = {}
        """Connections whose request has not arrived yet, with the time at which they opened."""
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start a thread for a connection, or refuse it if there are too many."""
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
        """Serve one connection and release its slot."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.waiting.pop(request, None)
            self._free.release()

    def has_come(self, request: Any) -> None:
        """Record that a whole request has arrived, so that PATIENCE no longer applies."""
        self.waiting.pop(request, None)

    def service_actions(self) -> None:
        """Hang up on connections without a whole request for too long, even if single bytes trickle in."""
        now = time.monotonic()
        for request, since in list(self.waiting.items()):
            if now - since > PATIENCE:
                self.waiting.pop(request, None)
                with contextlib.suppress(OSError):  # it has gone already
                    request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a browser that disconnects before its response is complete."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)
