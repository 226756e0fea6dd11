"""The dashboard on a store with done, running, failed, silent and missing runs, in a real browser while a run writes."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import chromium, needs_chromium
from synthetic_store import ARMS, Scale, write_study

from analysis.figures.catalogue import CURVES
from analysis.live import bounded_server
from analysis.live import dashboard as served
from analysis.live.dashboard import Dashboard, open_dashboard
from analysis.live.study import LiveStudy, Snapshot
from sspo.errors import UserError
from sspo.runs.identity import cell_folder
from sspo.runs.runlog import mark_failed

FEW = [a for a in ARMS if a.name in ("base", "grpo", "sspo_05", "grpo_aa")]
ATTACK = "<script>window.ran=1</script><img src=x onerror=window.ran=1>"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """grpo: seed 0 is being written, 1 failed, 2 done; sspo_05: seed 0 silent, 1 not started; the rest is done."""
    manifest = write_study(tmp_path, FEW, Scale(questions=4), preset="default")
    running = folder(tmp_path, manifest, "grpo", 0)
    (running / "DONE.json").unlink()
    lines = (running / "metrics.jsonl").read_bytes().splitlines(keepends=True)
    (running / "rest").write_bytes(b"".join(lines[4:]))
    (running / "metrics.jsonl").write_bytes(b"".join(lines[:4]) + lines[4][:25])
    failed = folder(tmp_path, manifest, "grpo", 1)
    (failed / "DONE.json").unlink()
    mark_failed(failed, "oom", f"no memory {ATTACK}", f"line 1\nthe end {ATTACK}")
    silent = folder(tmp_path, manifest, "sspo_05", 0)
    (silent / "DONE.json").unlink()
    for path in (*silent.iterdir(), silent):
        os.utime(path, (1e9, 1e9))
    shutil.rmtree(folder(tmp_path, manifest, "sspo_05", 1))
    return tmp_path


def folder(store: Path, manifest: dict[str, Any], arm: str, seed: int) -> Path:
    cell = next(a["cell"] for a in manifest["arms"] if a["name"] == arm)
    return cell_folder(store, cell, seed)


def running_run(store: Path) -> Path:
    return next(store.glob("cells/*/seed0/rest")).parent


@pytest.fixture
def dashboard(store: Path) -> Iterator[Dashboard]:
    with open_dashboard("toy", None, store, 0) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join(30)


def look(study: LiveStudy) -> Snapshot:
    found = study.look()
    assert isinstance(found, Snapshot)
    return found


def ask(server: Dashboard, path: str, **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=60)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_states_come_from_markers_and_times_and_torn_lines_wait(store: Path) -> None:
    study = LiveStudy("toy", None, store)
    found = look(study)
    runs, curves = found.runs, found.curves
    states = {(run.arm, run.seed): run.state for run in runs}
    assert [states["grpo", k] for k in range(3)] == ["running", "failed", "done"]
    assert [states["sspo_05", k] for k in range(3)] == ["silent", "missing", "done"]
    assert (
        next(run for run in runs if (run.arm, run.seed) == ("grpo", 0)).rollouts == 2
    )  # 4 whole lines, 2 a rollout
    assert next(run for run in runs if run.state == "failed").reason == f"oom: no memory {ATTACK}"
    assert set(curves.charts) == {figure.name for figure in CURVES}
    path = running_run(store) / "metrics.jsonl"
    whole = b"\n".join([*path.read_bytes().split(b"\n")[:-1], b""])
    path.write_bytes(whole + (path.parent / "rest").read_bytes())
    assert next(run for run in look(study).runs if (run.arm, run.seed) == ("grpo", 0)).rollouts == 4


def test_only_what_changed_is_sent_and_only_to_this_machine(dashboard: Dashboard) -> None:
    status, content = ask(dashboard, "/state")
    parts = json.loads(content)
    assert status == 200
    assert set(parts) == {"counts", "failures", "curves", "runs"}
    known = "&".join(f"{name}={part['digest']}" for name, part in parts.items())
    assert json.loads(ask(dashboard, f"/state?{known}")[1]) == {}
    assert ask(dashboard, "/", Host="evil.example")[0] == 403
    assert ask(dashboard, "/../../etc/passwd")[0] == 404
    connection = http.client.HTTPConnection("127.0.0.1", dashboard.server_address[1], timeout=60)
    connection.request("POST", "/state", body=b"x")
    assert connection.getresponse().status == 501


@needs_chromium
def test_a_browser_shows_the_run_go_on_without_reloading(dashboard: Dashboard, store: Path) -> None:
    address = f"http://127.0.0.1:{dashboard.server_address[1]}/"
    with chromium() as page:
        page.open(address)
        page.until("document.querySelectorAll('#part-runs tbody tr').length === 10")
        shown = "document.getElementById('part-runs').textContent"
        page.until("document.querySelectorAll('#part-curves figure').length === 7")
        page.run("window.kept = true")
        assert "the end" in page.run("document.querySelector('#part-failures pre').textContent")
        page.run("document.querySelector('#entropy .legend input').click()")
        page.run("document.querySelector('#entropy details').open = true")
        assert "2 of" not in page.run(shown)
        path = running_run(store) / "metrics.jsonl"
        whole = b"\n".join([*path.read_bytes().split(b"\n")[:-1], b""])
        path.write_bytes(whole + (path.parent / "rest").read_bytes())
        (path.parent / "DONE.json").write_text('{"steps": 8}')
        done = "[...document.querySelectorAll('#part-counts li.done')].map(e => e.textContent).join()"
        page.until(f"{done}.includes('7 of 10')")
        assert page.run("window.kept")
        page.until("document.querySelectorAll('#entropy-numbers0 tbody tr').length === 4")
        assert page.run("document.querySelector('#entropy .legend input').checked") is False
        assert page.run("document.querySelector('#entropy details').open")
        assert (
            page.run("getComputedStyle(document.querySelector('#entropy .panel g[data-k]')).display")
            is not None
        )
        assert page.run("window.ran") is None
        assert {url.partition("?")[0] for url in page.requests()} <= {address, f"{address}state"}
        page.run(
            "[...document.querySelectorAll('#part-runs input')].slice(3, 5).forEach((box) => box.click())"
        )
        mark_failed(folder_of(store, "sspo_05", 1), "oom", "late")
        page.until(f"{shown}.includes('late')")
        page.run("document.querySelector('#part-runs button').click()")
        page.until(
            "location.pathname === '/run' && document.querySelectorAll('#measures svg.panel').length === 11"
        )
        assert page.run("document.querySelectorAll('#runs li').length") == 2
        assert page.problems() == []


def folder_of(store: Path, arm: str, seed: int) -> Path:
    return folder(store, json.loads((store / "studies" / "toy.json").read_text()), arm, seed)


def test_a_click_opens_runs_as_they_are_now_and_only_those_of_the_study(
    dashboard: Dashboard, store: Path
) -> None:
    rows = json.loads(ask(dashboard, "/state")[1])
    assert '<a href="/run?run=grpo%3A0">grpo seed 0</a>' in rows["runs"]["markup"]
    assert 'name="run" value="grpo:0"' in rows["runs"]["markup"]
    assert '<a href="/run?run=grpo%3A1">grpo seed 1</a>' in rows["failures"]["markup"]
    status, content = ask(dashboard, "/run?run=grpo%3A0&run=grpo:1&run=sspo_05:0&run=sspo_05:1&run=grpo:2")
    page = content.decode()
    assert status == 200
    states = ("running", "failed", "silent", "missing", "done")
    assert [page.count(f'<li class="{state}">') for state in states] == [1] * 5
    assert "rollouts: 2" in page
    assert "<script>window" not in page
    assert "no memory &lt;script&gt;" in page
    path = running_run(store) / "metrics.jsonl"
    whole = b"\n".join([*path.read_bytes().split(b"\n")[:-1], b""])
    path.write_bytes(whole + (path.parent / "rest").read_bytes())
    assert "rollouts: 4" in ask(dashboard, "/run?run=grpo:0")[1].decode()


def test_an_address_that_names_no_run_is_not_found(dashboard: Dashboard) -> None:
    for query, says in (
        ("run=grop:0", "unknown run 'grop:0': did you mean 'grpo:0'?"),  # codespell:ignore grop
        ("run=grpo:9", "unknown run 'grpo:9'"),
        ("run=../../../etc:0", "unknown run '../../../etc:0'"),
        ("run=/etc/passwd", "unknown run '/etc/passwd'"),
        ("run=grpo:0&run=%00", "unknown run"),
        ("", "select at least one run"),
        ("&".join(["run=grpo:0"] * 11), "at most 10 runs"),
    ):
        status, content = ask(dashboard, f"/run?{query}")
        assert status == 404
        assert content.decode().startswith(says)


def test_a_taken_port_a_wrong_one_and_a_study_that_is_none_are_one_sentence(store: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(
            UserError, match=rf"port {port} of 127.0.0.1 is taken: choose a different one, such as PORT="
        ):
            open_dashboard("toy", None, store, port)
    with pytest.raises(UserError, match="port 99999 does not exist"):
        open_dashboard("toy", None, store, 99999)
    with pytest.raises(UserError, match="did you mean 'toy'"):
        open_dashboard("tooy", None, store, 0)
    with pytest.raises(UserError, match="is not planned in"):
        open_dashboard("toy", "paper", store, 0)


def test_a_fault_is_an_answer_with_one_sentence_and_no_dropped_connection(
    dashboard: Dashboard, store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(served, "LOOK_EVERY", 0.0)
    path = store / "studies" / "toy.json"
    whole = path.read_text()
    for content in ("{", "null", "[" * 100_000, '{"study": "toy"}'):
        path.write_text(content)
        for address in ("/", "/state"):
            status, answer = ask(dashboard, address)
            assert status == 500
            assert b"manifest" in answer or b"toy.json" in answer
            assert b"\n" not in answer
    path.write_text(whole)
    assert ask(dashboard, "/state")[0] == 200
    with socket.create_connection(("127.0.0.1", dashboard.server_address[1]), timeout=60) as raw:
        raw.sendall(b"GET http://[ HTTP/1.0\r\n\r\n")
        assert b" 400 " in raw.recv(100)
    monkeypatch.setattr(dashboard.study, "look", lambda: 1 / 0)
    assert ask(dashboard, "/state") == (
        500,
        b"the dashboard failed (ZeroDivisionError); its terminal shows where",
    )
    assert "Traceback" in capsys.readouterr().err


def test_no_other_page_frames_it_or_makes_it_work(dashboard: Dashboard) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", dashboard.server_address[1], timeout=60)
    connection.request("GET", "/")
    assert connection.getresponse().headers["Content-Security-Policy"] == "frame-ancestors 'none'"
    for path in ("/", "/state"):
        assert ask(dashboard, path, **{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"})[0] == 403
    assert ask(dashboard, "/state", **{"Sec-Fetch-Site": "same-origin"})[0] == 200
    assert ask(dashboard, "/", **{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"})[0] == 200


def test_connections_are_few_and_half_open_ones_end(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_server, "PATIENCE", 0.5)
    monkeypatch.setattr(bounded_server, "MOST_CONNECTIONS", 4)
    with open_dashboard("toy", None, store, 0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        before = threading.active_count()
        address = "127.0.0.1", server.server_address[1]
        half_open = [socket.create_connection(address, timeout=30) for _ in range(4)]
        for one in half_open:
            one.sendall(b"GET / HTTP")
        while len(server.waiting) < 4:
            time.sleep(0.01)
        assert threading.active_count() <= before + 4
        with socket.create_connection(address, timeout=30) as refused:
            assert refused.recv(100).startswith(b"HTTP/1.0 503")
        for one in half_open:
            assert one.recv(100) == b""
            one.close()
        while threading.active_count() > before:  # each gives its place back as it ends
            time.sleep(0.01)
        assert ask(server, "/state")[0] == 200
        server.shutdown()
        thread.join(30)
