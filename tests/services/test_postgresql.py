"""A search whose history is in a real PostgreSQL server."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console
from searches import make, stub

from sspo.errors import UserError
from sweeps.control.sweep import RunOptions
from sweeps.search.driver import Driver
from sweeps.search.run import SearchOptions, run_search, show_search_status
from sweeps.search.storage import open_storage, open_study


def test_a_search_lives_in_the_database_and_is_continued_from_there(postgresql: str, tmp_path: Path) -> None:
    search, store = make(sampler__startup=2), tmp_path / "runs"
    meaning = search.meaning("default")

    def run(trials: int) -> str:
        printed = io.StringIO()
        options = SearchOptions(runs=RunOptions(workers=2), trials=trials, storage=postgresql)
        console = Console(file=printed, width=300)
        assert run_search(search, "default", store, options, console, stub(tmp_path / "starts")) == 0
        return printed.getvalue()

    run(2)
    study = open_study(open_storage(postgresql), "probe", meaning)
    assert study is not None
    lost = Driver(
        search, "default", store, study, 3
    ).ask()  # a controller that dies before it trains anything
    assert lost is not None
    assert "4 scored, 0 pruned, 0 failed, 0 open" in run(4)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 4
    assert study.trials[2].params == lost.point
    starts = (tmp_path / "starts").read_text().split()
    assert len(starts) == len(set(starts)) == 8
    assert not list((store / "searches").glob("*.journal"))
    printed = io.StringIO()
    show_search_status(search, "default", store, postgresql, Console(file=printed, width=300))
    assert printed.getvalue().startswith("search probe: 4 scored")
    with pytest.raises(UserError, match="started with a different sampler"):
        open_study(open_storage(postgresql), "probe", make(sampler__seed=9).meaning("default"))


def test_a_database_that_is_not_there_is_named_without_its_password(postgresql: str) -> None:
    with pytest.raises(UserError, match="cannot be opened") as error:
        open_storage(postgresql.replace("/postgres", "/nothing"))
    assert "secret" not in str(error.value)
    assert "\n" not in str(error.value)
