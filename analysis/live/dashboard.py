"""`python -m analysis dashboard NAME`: a study while it runs, on a page that only this machine can open.

Reads only the store, writes nothing, and contacts no other host.
"""

from __future__ import annotations

import errno
import hashlib
import json
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from analysis.live.bounded_server import PATIENCE, BoundedServer
from analysis.live.page import Parts, frame
from analysis.live.run_page import NoSuchRun, RunPages
from analysis.live.study import LiveStudy
from sspo.errors import UserError

HOST = "127.0.0.1"
SCRIPT = (Path(__file__).parent / "dashboard.js").read_text(encoding="utf-8")
LOOK_EVERY = 1.0
"""Minimum seconds between two reads of the store, however many pages are open."""


class Dashboard(BoundedServer):
    """Serves `/` with the page, `/state` with the parts that changed since the digests in its query, and
    `/run` with the page of the runs in its query.
    """

    def __init__(self, study: LiveStudy, port: int):
        self.study, self.reading, self.markup = study, threading.Lock(), Parts()
        self._next, self._seen = 0.0, study.look()
        self._parts: Mapping[str, str] | None = None
        self._digests: dict[str, str] = {}
        self._runs = RunPages()
        super().__init__((HOST, port), _Handler)

    def page(self) -> str:
        """Return the page, without its parts."""
        with self.reading:
            self._look()
            return frame(self._seen)(SCRIPT)

    def changed(self, known: Mapping[str, list[str]]) -> str:
        """Return JSON of the parts whose digest differs from the known one."""
        with self.reading:
            self._look()
            found = self.markup.parts(self._seen)
            if found is not self._parts:
                self._digests = {
                    name: hashlib.sha256(text.encode()).hexdigest()[:16] for name, text in found.items()
                }
                self._parts = found
            fresh = {
                name: {"digest": digest, "markup": found[name]}
                for name, digest in self._digests.items()
                if known.get(name) != [digest]
            }
        return json.dumps(fresh)

    def runs(self, names: Sequence[str]) -> str:
        """Return the page of the runs with these names. Raises NoSuchRun."""
        with self.reading:
            self._look()
            return self._runs.page(self.study, self._seen, names)

    def _look(self) -> None:
        """Read the store, but not again for each page that polls."""
        if time.monotonic() >= self._next:
            self._seen = self.study.look()
            self._next = time.monotonic() + LOOK_EVERY


class _Handler(BaseHTTPRequestHandler):
    server: Dashboard
    timeout = PATIENCE

    def do_GET(self) -> None:
        self.server.has_come(self.request)
        try:
            address = urlsplit(self.path)
        except ValueError:
            self._answer(HTTPStatus.BAD_REQUEST, "text/plain", "not a valid address")
            return
        port = self.server.server_address[1]
        if self.headers.get("Host") not in (f"{HOST}:{port}", f"localhost:{port}"):
            # another site whose host name resolves to this machine must not read the study
            self._answer(HTTPStatus.FORBIDDEN, "text/plain", f"open http://{HOST}:{port}/")
        elif self._from_elsewhere():
            self._answer(HTTPStatus.FORBIDDEN, "text/plain", f"open http://{HOST}:{port}/")
        elif address.path in ("/", "/state", "/run"):
            self._answer(*self._made(address.path, parse_qs(address.query)))
        else:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", "the only pages are / and /run")

    def _from_elsewhere(self) -> bool:
        """Return whether a page of another site sent the request, other than by a link that a person follows:
        such a page could not read the response, but it could make the dashboard work.
        """
        site, mode = (self.headers.get(f"Sec-Fetch-{name}", "") for name in ("Site", "Mode"))
        return site not in ("", "same-origin", "none") and mode != "navigate"

    def _made(self, path: str, query: dict[str, list[str]]) -> tuple[HTTPStatus, str, str]:
        """Return status, content type and text of a response; an error becomes one sentence in the browser."""
        try:
            if path == "/":
                return HTTPStatus.OK, "text/html", self.server.page()
            if path == "/run":
                return HTTPStatus.OK, "text/html", self.server.runs(query.get("run", []))
            return HTTPStatus.OK, "application/json", self.server.changed(query)
        except NoSuchRun as error:
            return HTTPStatus.NOT_FOUND, "text/plain", str(error)
        except UserError as error:
            return HTTPStatus.INTERNAL_SERVER_ERROR, "text/plain", str(error)
        except (
            Exception
        ) as error:  # a bug in the dashboard: its terminal gets the details, the browser a sentence
            traceback.print_exc(file=sys.stderr)
            sentence = f"the dashboard failed ({type(error).__name__}); its terminal shows where"
            return HTTPStatus.INTERNAL_SERVER_ERROR, "text/plain", sentence

    def _answer(self, status: HTTPStatus, kind: str, text: str) -> None:
        content = text.encode("utf-8", "backslashreplace")
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header(
            "Content-Security-Policy", "frame-ancestors 'none'"
        )  # a page cannot set this in a meta element
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: one line per request is noise to a person who watches a study."""


def open_dashboard(name: str, preset: str | None, store: Path, port: int) -> Dashboard:
    """Return a listening dashboard. Raises UserError if the study is not planned or the port is taken."""
    study = LiveStudy(name, preset, store)
    try:
        return Dashboard(study, port)
    except OverflowError as error:
        raise UserError(
            f"port {port} does not exist: choose one from 1 to 65535, or 0 for any free one"
        ) from error
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        why = "is taken" if error.errno == errno.EADDRINUSE else "needs privileges that you do not have"
        raise UserError(
            f"port {port} of {HOST} {why}: choose a different one, such as PORT={port + 1}"
        ) from error


def serve(name: str, preset: str | None, store: Path, port: int) -> None:
    """Print the address, then serve until interrupted."""
    with open_dashboard(name, preset, store, port) as dashboard:
        print(
            f"watching {name} on http://{HOST}:{dashboard.server_address[1]}/ (Ctrl-C stops it)", flush=True
        )
        try:
            dashboard.serve_forever()
        except KeyboardInterrupt:
            print("stopped; the study continues")
