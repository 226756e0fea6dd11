"""A real Ray cluster: two nodes, each with its own processes on this machine, one of which is lost in the middle of a sweep."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from sspo.compose.hydra_compose import compose
from sspo.errors import UserError
from sspo.runs.identity import cell_hash
from sweeps.engines.ray import ATTEMPTS, QUIET
from sweeps.plan.plan import Trial
from sweeps.workers.order import Order, run_order
from sweeps.workers.worker import train_command
from tests.engines.parts import counted, events, leased, states, stub, swept, trials_in, wait_until
from tests.trainer.runs import TINY

pytest.importorskip("ray", reason="Ray is in an environment of its own: make test-ray")
CPUS = 2
"""Processors of each node, regardless of the machine."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[object]:
    os.environ.update(QUIET)
    from ray.cluster_utils import Cluster

    two = Cluster()
    for head in (True, False):
        add_node(two, **({"include_dashboard": False} if head else {}))
    yield two
    two.shutdown()


def add_node(cluster: object, **options: object) -> None:
    """Start a node. Ray gives it 30 s, and on a busy machine the first attempts may fail."""
    for attempt in range(ATTEMPTS):
        try:
            cluster.add_node(num_cpus=CPUS, num_gpus=0, **options)  # type: ignore[attr-defined]
            return
        except Exception:
            if attempt == ATTEMPTS - 1:
                raise


def meanwhile(act: Callable[[], None]) -> threading.Thread:
    """Act in a thread, because the sweep needs the main thread for its signals."""
    thread = threading.Thread(target=act)
    thread.start()
    return thread


def at(cluster: object) -> str:
    return f"address={cluster.address}"  # type: ignore[attr-defined]


def raylet(node: object) -> psutil.Process:
    return psutil.Process(node.all_processes["raylet"][0].process.pid)  # type: ignore[attr-defined]


def test_without_an_address_there_is_a_cluster_of_this_machine_for_as_long_as_the_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    before = {process.pid for process in psutil.process_iter() if process.name() == "raylet"}
    assert swept(trials_in(tmp_path, 2), stub(tmp_path, 0.0), "ray", workers=1)[0]
    after = {process.pid for process in psutil.process_iter() if process.name() == "raylet"}
    assert after == before


def test_a_trainer_ends_with_its_ray_worker_and_its_trial_still_ends_once(
    cluster: object, tmp_path: Path
) -> None:
    def kill_a_worker() -> None:
        wait_until(lambda: bool(events(tmp_path)))
        psutil.Process(int(events(tmp_path)[0][2])).parent().kill()

    trials, saboteur = trials_in(tmp_path, 4), meanwhile(kill_a_worker)
    finished, _ = swept(trials, stub(tmp_path, 4.0), "ray", at(cluster))
    saboteur.join()
    assert finished
    assert states(trials) == ["done"] * 4
    assert sorted(counted(tmp_path, "start").values()) == [1, 1, 1, 2]
    assert set(counted(tmp_path, "end").values()) == {1}


def test_a_lost_node_loses_no_trial_and_runs_none_to_its_end_twice(cluster: object, tmp_path: Path) -> None:
    def lose_the_node() -> None:
        lost = raylet(node)
        wait_until(lambda: any(on_node(lost)))
        for process in (lost, *lost.children(recursive=True)):
            process.kill()

    def on_node(lost: psutil.Process) -> list[bool]:
        pids = {process.pid for process in lost.children(recursive=True)}
        return [int(pid) in pids for event, _, pid in events(tmp_path) if event == "start"]

    node = list(cluster.worker_nodes)[0]  # type: ignore[attr-defined]  # noqa: RUF015
    trials, saboteur = trials_in(tmp_path, 8), meanwhile(lose_the_node)
    finished, said = swept(trials, stub(tmp_path, 3.0), "ray", at(cluster))
    saboteur.join()
    assert finished
    assert states(trials) == ["done"] * 8
    assert counted(tmp_path, "end") == {trial.cell: 1 for trial in trials}
    again = {cell for cell, starts in counted(tmp_path, "start").items() if starts > 1}
    assert again
    assert all(f"lost    arm{cell.removeprefix('cell')} seed 0" in said for cell in again)
    assert not leased(trials)


def test_an_interrupt_stops_what_runs_and_what_waits_and_the_next_sweep_continues(
    cluster: object, tmp_path: Path
) -> None:
    def interrupt() -> None:
        wait_until(lambda: bool(events(tmp_path)))
        os.kill(os.getpid(), signal.SIGTERM)  # as SIGINT, which background jobs ignore

    trials, user = trials_in(tmp_path, 6), meanwhile(interrupt)
    finished, _ = swept(trials, stub(tmp_path, 60.0), "ray", at(cluster), workers=3)
    user.join()
    assert not finished
    assert states(trials) == ["pending"] * 6
    assert not any(psutil.pid_exists(int(pid)) for _, _, pid in events(tmp_path))
    assert swept(trials, stub(tmp_path, 0.0), "ray", at(cluster))[0]
    assert states(trials) == ["done"] * 6


def test_a_real_run_has_the_same_bits_as_one_without_ray(cluster: object, tmp_path: Path) -> None:
    cell = cell_hash(compose(TINY))
    here, there = (
        Trial(arm="tiny", seed=0, overrides=TINY, rollouts=4, store=tmp_path / name, cell=cell)
        for name in ("here", "there")
    )
    command = train_command("stub")
    assert run_order(Order(trial=here, command=tuple(command(here)))) == "done"
    assert swept([there], command, "ray", at(cluster))[0]
    for name in ("metrics.jsonl", "eval.jsonl"):
        assert (there.folder / name).read_bytes() == (here.folder / name).read_bytes()


def test_an_address_without_a_cluster_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no Ray cluster at '127\.0\.0\.1:9'"):
        swept(trials_in(tmp_path, 1), stub(tmp_path, 0.0), "ray", "address=127.0.0.1:9")
    assert not events(tmp_path)
