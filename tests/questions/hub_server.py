"""As much of the Hugging Face hub as `datasets` and a model's download ask for, on the loopback: commits, trees and files, and what goes wrong there."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Files = dict[str, bytes]


@dataclass
class Hub:
    """Data sets and models with their commits; `newest` is what `main` is."""

    commits: dict[str, dict[str, Files]] = field(default_factory=dict)
    newest: dict[str, str] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    cut: set[str] = field(default_factory=set)
    """Those whose files end in the middle, although more was announced."""
    asked: list[str] = field(default_factory=list)

    def commit(self, repo: str, files: Files, sha: str) -> None:
        """Put a commit on top of `main`."""
        self.commits.setdefault(repo, {})[sha] = files
        self.newest[repo] = sha


def card(splits: dict[str, str], config: str = "default") -> bytes:
    """A README whose header says which file is which split."""
    files = "".join(f"\n  - split: {split}\n    path: {path}" for split, path in splits.items())
    return f"---\nconfigs:\n- config_name: {config}\n  data_files:{files}\n---\n".encode()


def lines(rows: list[dict[str, Any]]) -> bytes:
    """Rows as JSON Lines."""
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


@contextmanager
def serving(hub: Hub) -> Iterator[str]:
    """Serve a hub inside the `with` block; gives its address."""

    class Handler(_Handler):
        served = hub

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    served: Hub

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        wanted = json.loads(body)["paths"] if body.startswith("{") else parse_qs(body)["paths"]
        self._answer(wanted)

    def do_GET(self) -> None:
        self._answer(None)

    def _answer(self, wanted: list[str] | None) -> None:
        hub, path = self.served, unquote(urlsplit(self.path).path)
        hub.asked.append(path)
        words = re.sub(r"^(/api)?/((datasets|models)/)?", "", path).split("/")
        repo, verb, revision = "/".join(words[:2]), *[*words[2:4], "revision", "main"][:2]
        if len(words) < 4:
            verb, revision = "revision", "main"
        if repo in hub.refused:
            return self._send(401, b'{"error": "no"}', {"X-Error-Message": "Invalid username or password."})
        if repo not in hub.commits:
            return self._send(404, b'{"error": "no"}', {"X-Error-Code": "RepoNotFound"})
        sha = hub.newest[repo] if revision == "main" else revision
        if sha not in hub.commits[repo]:
            return self._send(404, b'{"error": "no"}', {"X-Error-Code": "RevisionNotFound"})
        files = hub.commits[repo][sha]
        if verb == "resolve":
            return self._file(repo, sha, files, "/".join(words[4:]))
        if verb in ("tree", "paths-info"):
            names = [name for name in files if wanted is None or name in wanted]
            return self._json([_entry(name, files[name]) for name in names])
        siblings = [{"rfilename": name} for name in files]
        return self._json({"id": repo, "sha": sha, "private": False, "tags": [], "siblings": siblings})

    def _file(self, repo: str, sha: str, files: Files, name: str) -> None:
        if name not in files:
            return self._send(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": sha})
        head = {"ETag": f'"{_entry(name, files[name])["oid"]}"', "X-Repo-Commit": sha}
        return self._send(200, files[name], head, cut=repo in self.served.cut and not name.endswith(".md"))

    def _json(self, value: object) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _send(self, status: int, body: bytes, head: dict[str, str], *, cut: bool = False) -> None:
        self.send_response(status)
        for key, value in {**head, "Content-Length": str(len(body))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2] if cut else body)
        if cut:
            self.close_connection = True


def _entry(name: str, content: bytes) -> dict[str, Any]:
    oid = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    return {"type": "file", "path": name, "size": len(content), "oid": oid}
