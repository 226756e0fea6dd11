"""`python -m analysis dashboard NAME`: a study while it runs, on a page that this machine alone can open.

Reads the store and nothing else, writes nothing, and asks no other host for anything.
"""

from __future__ import annotations

import errno
import hashlib
import json
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from analysis.live import LiveStudy
from analysis.live_page import frame, parts
from sspo.errors import UserError

HOST = "127.0.0.1"
SCRIPT = (Path(__file__).parent / "dashboard.js").read_text(encoding="utf-8")


class Dashboard(ThreadingHTTPServer):
    """Answers `/` with the page and `/state` with the parts that changed since the digests in its query."""

    daemon_threads = True

    def __init__(self, study: LiveStudy, port: int):
        self.study, self.reading = study, threading.Lock()
        super().__init__((HOST, port), _Handler)

    def page(self) -> str:
        """The page, without its parts."""
        with self.reading:
            return frame(self.study.look()[0], SCRIPT)

    def changed(self, known: dict[str, list[str]]) -> str:
        """JSON of the parts whose digest is not the known one."""
        with self.reading:
            found = parts(*self.study.look())
        fresh: dict[str, Any] = {}
        for name, markup in found.items():
            digest = hashlib.sha256(markup.encode()).hexdigest()[:16]
            if known.get(name) != [digest]:
                fresh[name] = {"digest": digest, "markup": markup}
        return json.dumps(fresh)


class _Handler(BaseHTTPRequestHandler):
    server: Dashboard

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        port = self.server.server_address[1]
        if self.headers.get("Host") not in (f"{HOST}:{port}", f"localhost:{port}"):
            # a page elsewhere whose name was made to point here must not read the study
            self._answer(HTTPStatus.FORBIDDEN, "text/plain", f"open http://{HOST}:{port}/")
        elif address.path == "/":
            self._answer(HTTPStatus.OK, "text/html", self.server.page())
        elif address.path == "/state":
            self._answer(HTTPStatus.OK, "application/json", self.server.changed(parse_qs(address.query)))
        else:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", "there is only /")

    def _answer(self, status: HTTPStatus, kind: str, text: str) -> None:
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """A line a request says nothing to whoever watches a study."""


def open_dashboard(name: str, preset: str | None, store: Path, port: int) -> Dashboard:
    """A dashboard that listens. Raises UserError where the study is not planned or the port is taken."""
    study = LiveStudy(name, preset, store)
    study.look()  # a manifest that cannot be read is said before anything listens
    try:
        return Dashboard(study, port)
    except OverflowError as error:
        raise UserError(f"port {port} is none: give one from 1 to 65535, or 0 for any free one") from error
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        why = "is taken" if error.errno == errno.EADDRINUSE else "needs rights that you do not have"
        raise UserError(f"port {port} of {HOST} {why}: set another one, as in PORT={port + 1}") from error


def serve(name: str, preset: str | None, store: Path, port: int) -> None:
    """Serve until interrupted; says where first."""
    with open_dashboard(name, preset, store, port) as dashboard:
        print(f"watching {name} on http://{HOST}:{dashboard.server_address[1]}/ (Ctrl-C ends it)", flush=True)
        try:
            dashboard.serve_forever()
        except KeyboardInterrupt:
            print("stopped; the study goes on")
