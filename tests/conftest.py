"""The order of the test files, and profiles of hypothesis: the tests draw the same examples on every run; `HYPOTHESIS_PROFILE=fuzz` looks for new ones.

What it finds is kept as an `@example` of its test.
"""

from __future__ import annotations

import gc
import importlib.util
import os
import warnings
from contextlib import suppress
from pathlib import Path

import pytest
from _pytest.pathlib import import_path

# Collection makes a million objects of torch and pandas that stay; pytest_runtestloop looks for garbage again.
gc.disable()

# Before anything imports the hub's client; tests/questions has a hub of its own.
os.environ.setdefault("HF_HUB_OFFLINE", "1")

SLOW_FILES = (
    "test_two_processes",
    "test_hub",
    "test_played_through",
    "test_house",
    "test_sampler",
    "test_streams",
    "test_folders",
    "test_timing",
    "test_report",
    "test_provenance",
    "test_replay_report",
    "test_identity",
    "test_quick_compose",
    "test_exact_and_noise",
    "test_training",
    "test_factor_page",
    "test_page",
)
SLOW_ROOMS = ("trainer", "sweeps", "integrations", "segmentation", "replay")
PROOFS = "acceptance"
SLOW_PROOFS = (
    "test_real_models",
    "test_tutorial",
    "test_controller",
    "test_killed_runs",
    "test_chaos",
    "test_graders",
    "test_example_project",
    "test_cuda_kit",
    "test_search_on_questions",
)
"""Files of `make acceptance` that take more than a minute, the longest first."""

if importlib.util.find_spec(
    "hypothesis"
):  # tests/frameworks and tests/services run where it is not installed
    from hypothesis import settings
    from hypothesis.internal.conjecture import providers

    settings.register_profile("same", derandomize=True, deadline=None)
    settings.register_profile("fuzz", deadline=None, print_blob=True)
    settings.load_profile(PROFILE := os.environ.get("HYPOTHESIS_PROFILE", "same"))
    if PROFILE == "same":
        # It mixes in constants of whatever modules of ours are imported by then, so that a test would draw other examples
        # alone than after its neighbors.
        assert callable(providers._get_local_constants)
        providers._get_local_constants = providers.Constants


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Import a share of the files of a whole run first, in each process another one.

    Pytest compiles a test file once and keeps what it made. Processes that all begin with the first file compile all of
    them side by side in a fresh clone. What fails here fails again where pytest collects it, and is named.
    """
    process, count = os.environ.get("PYTEST_XDIST_WORKER"), os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")
    root = Path(__file__).parent
    if process is None or [Path(word).resolve() for word in session.config.args] != [root]:
        return
    ignored = {Path(word).resolve() for word in session.config.getoption("ignore")}
    files = [path for path in sorted(root.rglob("test_*.py")) if not ignored & {*path.parents}]
    with warnings.catch_warnings(action="ignore"):
        for path in files[int(process.removeprefix("gw")) :: int(count)]:
            with suppress(Exception, pytest.skip.Exception):
                import_path(path, root=session.config.rootpath, consider_namespace_packages=False)


def pytest_runtestloop() -> None:
    """Look no more through the million objects of torch and pandas for garbage: that took a tenth of the time of the tests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    gc.enable()
    os.fsync = _open  # no test loses power, and to wait for the disk takes seconds


def _open(handle: int) -> None:
    """Fail where fsync would: on a file that is closed."""
    os.fstat(handle)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the long files first: processes that share the files then end together."""
    proofs = SLOW_PROOFS if config.option.markexpr == PROOFS else ()

    def place(item: pytest.Item) -> tuple[int, bool, bool]:
        file, room = item.path.stem, item.path.parent.name
        return (
            proofs.index(file) if file in proofs else len(proofs),
            file not in SLOW_FILES,
            room not in SLOW_ROOMS,
        )

    items.sort(key=place)
