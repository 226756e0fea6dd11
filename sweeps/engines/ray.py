"""The engine of a Ray cluster: one trial is one Ray task with its resources."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

from sspo.errors import UserError
from sweeps.engines.cluster import Placing
from sweeps.engines.engine import Engine, Setup, refuse_too_wide
from sweeps.engines.options import Options, RayOptions
from sweeps.plan.devices import processors, refuse_too_many_devices, visible_devices
from sweeps.plan.plan import Trial
from sweeps.workers.order import Order, run_order
from sweeps.workers.signals import Stops

POLL = 0.5
ATTEMPTS = 3
KNOCK = 10.0
"""Seconds that the head of a cluster may take to answer."""
PARTING = 60.0
"""Seconds that an interrupted sweep waits for its tasks to stop; each asks its trainer first, then kills it."""
INIT = {"logging_level": "ERROR", "log_to_driver": False}
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}
"""For a cluster that we start: it tells nobody that it was used, and a trial is no background work."""


@contextmanager
def opened(setup: Setup, options: Options, trials: Sequence[Trial]) -> Iterator[Engine]:
    """An engine connected to a cluster. Raises UserError where there is none at the address, and for a trial that takes
    more processors than the cluster of this machine has, or more devices than any node."""
    chosen = cast(RayOptions, options)
    address, slots = chosen.address or os.environ.get("RAY_ADDRESS", ""), setup.workers or processors()
    if not address:
        for trial in trials:
            refuse_too_wide(trial, slots)
            refuse_too_many_devices(trial.arm, trial.resources, visible_devices())
    os.environ.update(QUIET)
    import ray

    if address:
        _connect(ray, address)
    else:
        _start(ray, slots)
    try:
        for trial in trials if address else ():
            _refuse_more_than_a_node_has(trial, ray.nodes())
        yield Placing(RayCluster(ray, chosen, setup), setup)
    finally:
        ray.shutdown()


class RayCluster:
    """Orders as Ray tasks. Ray itself retries nothing: what a lost node was running is judged by the ledger first."""

    poll = POLL

    def __init__(self, ray: Any, options: RayOptions, setup: Setup):
        self.ray = ray
        self.room = setup.workers
        self._task = ray.remote(run_there)
        self._options = options
        self._any_gpus = ray.cluster_resources().get("GPU", 0) > 0
        self._refs: dict[str, Any] = {}
        self._ends: dict[str, str] = {}

    def placed_before(self, trial: Trial) -> str | None:
        """Nothing: a task ends with the process that placed it."""
        return None

    def place(self, orders: Sequence[Order]) -> Sequence[str]:
        """A task for each order."""
        tickets = []
        for order in orders:
            gpus = _gpus(order.trial, self._options, any_there=self._any_gpus)
            needs = _needs(order.trial, gpus)
            ref = self._task.options(max_retries=0, name=order.trial.label, **needs).remote(
                order, os.getcwd()
            )
            tickets.append(ref.hex())
            self._refs[tickets[-1]] = ref
        return tickets

    def live(self, tickets: Collection[str]) -> Collection[str]:
        """Those of the tickets whose task waits or runs."""
        refs = {self._refs[ticket]: ticket for ticket in tickets}
        ended = self._ended(list(refs))
        for ref in ended:
            self._ends[refs[ref]] = self._end(ref)
            del self._refs[refs[ref]]
        return [ticket for ref, ticket in refs.items() if ref not in ended]

    def last_words(self, ticket: str) -> str:
        """What Ray said of a task that is gone."""
        return self._ends.get(ticket, "")

    def leave(self, tickets: Collection[str], stops: Stops) -> str:
        """Cancel what waits and have what runs stopped; a second signal waits no longer."""
        refs = [self._refs[ticket] for ticket in tickets if ticket in self._refs]
        for ref in refs:
            self.ray.cancel(ref)
        limit = time.monotonic() + PARTING
        while len(self._ended(refs)) < len(refs) and time.monotonic() < limit and stops.count < 2:
            time.sleep(POLL)
        return ""

    def _ended(self, refs: list[Any]) -> set[Any]:
        if not refs:
            return set()
        ended, _ = self.ray.wait(refs, num_returns=len(refs), timeout=0, fetch_local=False)
        return set(ended)

    def _end(self, ref: Any) -> str:
        """What a task returned, or what became of it."""
        try:
            return f"its Ray task ended as '{self.ray.get(ref)}'"
        except self.ray.exceptions.RayTaskError as error:
            return str(error).strip()  # a traceback, which ends in what was raised
        except self.ray.exceptions.RayError as error:
            return f"{type(error).__name__}: {str(error).split('. ')[0]}"


def run_there(order: Order, folder: str) -> str:
    """What a Ray task does: run the order as if in the folder that the sweep was started in."""
    os.chdir(folder)
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # Ray cancels by it, and what a shell starts may ignore it
    return run_order(order)


def _connect(ray: Any, address: str) -> None:
    """Join the cluster at the address."""
    try:
        _knock(address)
        ray.init(address=address, **INIT)
    except (OSError, ValueError, RuntimeError) as error:  # ConnectionError, which Ray raises, is an OSError
        raise UserError(
            f"no Ray cluster at '{address}' ({_first_line(error)}); start one with `ray start --head`, give another with "
            "--engine-option address=HOST:PORT, or leave it out (and RAY_ADDRESS unset) for a cluster of this machine"
        ) from error


def _knock(address: str) -> None:
    """Raise OSError where nobody listens at `host:port`: Ray itself goes on trying for minutes."""
    host, colon, port = address.rpartition(":")
    if colon and port.isdecimal() and "/" not in host:
        socket.create_connection((host, int(port)), timeout=KNOCK).close()


def _start(ray: Any, cpus: int) -> None:
    """A cluster of this machine alone. Ray gives a node 30 s to start, which a busy machine may not keep: so there is more than one attempt."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            ray.init(address="local", num_cpus=cpus, include_dashboard=False, **INIT)
            return
        except Exception as error:  # Ray raises no narrower class where a node does not come up
            ray.shutdown()
            if attempt == ATTEMPTS:
                raise UserError(
                    f"Ray cannot start on this machine ({_first_line(error)}); its logs are in /tmp/ray/session_latest/logs"
                ) from error


def _first_line(error: Exception) -> str:
    return "".join(str(error).strip().splitlines()[:1])


def _refuse_more_than_a_node_has(trial: Trial, nodes: Sequence[Mapping[str, Any]]) -> None:
    """Raise UserError for a trial that Ray would keep waiting for ever: its devices must all be of one node."""
    most = max((node["Resources"].get("GPU", 0) for node in nodes if node["Alive"]), default=0)
    if trial.resources.devices > max(most, 1):
        raise UserError(
            f"arm '{trial.arm}' wants {trial.resources.devices} CUDA devices a trial and no node of the Ray cluster has more than "
            f"{most:g}; lower its resources.gpus in the study, or join a larger node with `ray start`"
        )


def _gpus(trial: Trial, options: RayOptions, *, any_there: bool) -> float:
    """Devices of a trial: what its study says, else the option, else one; without an option none where there are none."""
    if trial.resources.gpus is None and options.gpus is not None:
        return options.gpus
    return trial.resources.devices if any_there else 0


def _needs(trial: Trial, gpus: float) -> Mapping[str, Any]:
    """What a task takes of its node."""
    needs: dict[str, Any] = {"num_cpus": trial.resources.threads, "num_gpus": gpus}
    if trial.resources.memory_gb is not None:
        needs["memory"] = int(trial.resources.memory_bytes())
    return needs
