"""A real headless Chromium, driven over its debugging pipe: no package and no open port between it and the tests."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
PATH = next((path for name in NAMES if (path := shutil.which(name))), None)
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage", "--hide-scrollbars",
         "--disable-background-networking", "--remote-debugging-pipe")  # fmt: skip
SENT = ("requestWillBeSent", "loadingFailed")
PATIENCE = 120.0
"""Seconds that an answer may take on a loaded machine."""
needs_chromium = pytest.mark.skipif(
    PATH is None, reason="no Chromium on this machine: apt-get install chromium"
)


class Page:
    """One tab: what it asked the network for, what it logged, and what it says to a script."""

    def __init__(self, browser: _Pipe, target: str):
        self.browser = browser
        self.session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """A command of the DevTools protocol."""
        return self.browser.call(method, self.session, **params)

    def open(self, address: str) -> None:
        """Load a page and wait for its end; what was logged before is forgotten."""
        self.browser.events.clear()
        self.call("Page.navigate", url=address)
        self.until(lambda: any(e["method"] == "Page.loadEventFired" for e in self.events))

    @property
    def events(self) -> list[dict[str, Any]]:
        """What the tab reported since it was opened."""
        return [e for e in self.browser.events if e.get("sessionId") == self.session]

    def run(self, script: str) -> Any:
        """The value of an expression; errors of the page are errors of the test."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def until(self, holds: Any) -> None:
        """Wait until `holds()` or, for a string, until the page says so."""
        end = time.monotonic() + PATIENCE
        while not (self.run(holds) if isinstance(holds, str) else holds()):
            assert time.monotonic() < end, f"never came: {holds}"
            self.browser.pump(0.05)

    def problems(self) -> list[str]:
        """Console errors, uncaught exceptions, refused loads, and every dialog."""
        kinds = (
            "Runtime.exceptionThrown",
            "Page.javascriptDialogOpening",
            "Runtime.consoleAPICalled",
            "Log.entryAdded",
        )
        return [json.dumps(e["params"])[:500] for e in self.events if e["method"] in kinds]

    def requests(self) -> list[str]:
        """Addresses that were asked for, the page's own first. What its policy refused never left the browser, and a `data:`
        address is its own content."""
        told = {kind: [e["params"] for e in self.events if e["method"] == f"Network.{kind}"] for kind in SENT}
        refused = {e["requestId"] for e in told["loadingFailed"] if e.get("blockedReason") == "csp"}
        sent = [str(e["request"]["url"]) for e in told["requestWillBeSent"] if e["requestId"] not in refused]
        return [url for url in sent if not url.startswith("data:")]

    def key(self, name: str) -> None:
        """Press a key."""
        code = {"Enter": 13, "Escape": 27, "Tab": 9, "ArrowLeft": 37, "ArrowRight": 39, "ArrowDown": 40}[name]
        for kind in ("keyDown", "keyUp"):
            text = {"text": "\r"} if name == "Enter" and kind == "keyDown" else {}
            self.call(
                "Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode=code, **text
            )

    def look(self, width: int, height: int = 900, scheme: str = "light") -> None:
        """Another window and color scheme."""
        mobile = width < 600
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=mobile,
        )
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def picture(self, path: Path, whole: bool = False) -> None:
        """A screenshot."""
        found = self.call("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(found["data"]))

    def printed(self, path: Path) -> None:
        """The page as PDF."""
        path.write_bytes(base64.b64decode(self.call("Page.printToPDF", printBackground=False)["data"]))


class _Pipe:
    """Messages to and from the browser, each ended by a zero byte."""

    def __init__(self, write: int, read: int):
        self.write, self.read = write, read
        self.events: list[dict[str, Any]] = []
        self.answers: dict[int, dict[str, Any]] = {}
        self.last, self.rest = 0, b""

    def call(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        self.last += 1
        number = self.last
        message = {"id": number, "method": method, "params": params} | (
            {"sessionId": session} if session else {}
        )
        os.write(self.write, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + PATIENCE
        while number not in self.answers:
            assert time.monotonic() < end, f"no answer to {method}"
            self.pump(1.0)
        answer = self.answers.pop(number)
        assert "error" not in answer, (method, answer["error"])
        return dict(answer["result"])

    def pump(self, seconds: float) -> None:
        if not select.select([self.read], [], [], seconds)[0]:
            return
        *messages, self.rest = (self.rest + os.read(self.read, 1 << 20)).split(b"\0")
        for message in map(json.loads, messages):
            if "id" in message:
                self.answers[message["id"]] = message
            else:
                self.events.append(message)


@contextmanager
def chromium() -> Iterator[Page]:
    """A browser with one tab, gone afterwards."""
    assert PATH is not None, "tests that need it are marked"
    (to_read, write), (read, to_write) = os.pipe(), os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        # the browser reads descriptor 3 and writes 4; only bash knows descriptors above 9
        start = ("bash", "-c", f'exec "$@" 3<&{to_read} 4>&{to_write}', "bash", PATH, *FLAGS)
        process = subprocess.Popen(
            [*start, f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(to_read, to_write),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(to_write)
        try:
            pipe = _Pipe(write, read)
            yield Page(pipe, pipe.call("Target.createTarget", url="about:blank")["targetId"])
            pipe.call("Browser.close")
        finally:
            process.terminate()
            process.wait(30)
            os.close(write)
            os.close(read)
