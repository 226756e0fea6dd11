"""optuna-dashboard opens what `export-optuna` and `search` write: a real server, asked through its API."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from conftest import free_port, wait_for
from searches import driver_of, make, settle
from test_search_export import export, plan_of, train


@contextmanager
def dashboard(journal: Path) -> Iterator[Any]:
    """A function from a path of the API to its answer."""
    port = free_port()
    program = Path(sys.executable).with_name("optuna-dashboard")
    command = [str(program), str(journal), "--host", "127.0.0.1", "--port", str(port)]

    def get(path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
            return json.load(answer)

    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            wait_for(lambda: get("/api/studies"), server)
            yield get
        finally:
            server.terminate()


def test_the_dashboard_shows_the_arms_of_an_exported_study(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    train(plan)
    export(plan)
    with dashboard(tmp_path / "optuna" / "probe.journal") as get:
        (study,) = get("/api/studies")["study_summaries"]
        assert study["study_name"] == "probe"
        found = get(f"/api/studies/{study['study_id']}?after=0")
        trials = {trial["params"][0]["param_external_value"]: trial for trial in found["trials"]}
        assert list(trials) == ["base", "narrow", "wide", "broken"]
        assert trials["wide"]["values"] == [pytest.approx(0.62)]
        attributes = {entry["key"]: entry["value"] for entry in trials["wide"]["user_attrs"]}
        assert json.loads(attributes["seeds"]) == pytest.approx({"0": 0.6, "1": 0.62, "2": 0.64})
        assert trials["broken"]["state"] == "Fail"


def test_the_dashboard_shows_a_search(tmp_path: Path) -> None:
    driver = driver_of(make(), tmp_path)
    settle(driver)
    with dashboard(tmp_path / "probe.journal") as get:
        (study,) = get("/api/studies")["study_summaries"]
        found = get(f"/api/studies/{study['study_id']}?after=0")
        assert [trial["state"] for trial in found["trials"]] == ["Complete"] * 6
        assert len(found["trials"][0]["intermediate_values"]) == 5
