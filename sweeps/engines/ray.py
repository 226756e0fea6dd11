"""The engine of a Ray cluster: each trial is one Ray task with its resources."""

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
"""Timeout in seconds for the head of a cluster to answer."""
PARTING = 60.0
"""Seconds that an interrupted sweep waits for its tasks to stop; each first signals its trainer, then kills it."""
INIT = {"logging_level": "ERROR", "log_to_driver": False}
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}
"""Environment of a cluster that we start: it sends no usage statistics, and trials run at normal priority."""


@contextmanager
def opened(setup: Setup, options: Options, trials: Sequence[Trial]) -> Iterator[Engine]:
    """Open an engine connected to a cluster. Raises UserError if there is no cluster at the address, and for a trial that takes
    more processors than the cluster of this machine has, or more devices than any node."""
    chosen = cast(RayOptions, options)
    address, slots = chosen.address or os.environ.get("RAY_ADDRESS", ""), setup.workers or processors()
    if not address:
        for trial in trials:
            refuse_too_wide(trial, slots)
            refuse_too_many_devices(trial.arm, trial.here, visible_devices())
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
    """Orders as Ray tasks. Ray itself retries nothing: the ledger first decides about the trials of a lost node."""

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
        """Return None: a task ends with the process that placed it."""
        return None

    def place(self, orders: Sequence[Order]) -> Sequence[str]:
        """Start a task for each order."""
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
        """Return the tickets whose task is waiting or running."""
        refs = {self._refs[ticket]: ticket for ticket in tickets}
        ended = self._ended(list(refs))
        for ref in ended:
            self._ends[refs[ref]] = self._end(ref)
            del self._refs[refs[ref]]
        return [ticket for ref, ticket in refs.items() if ref not in ended]

    def last_words(self, ticket: str) -> str:
        """Return how a task that is gone ended, as reported by Ray."""
        return self._ends.get(ticket, "")

    def leave(self, tickets: Collection[str], stops: Stops) -> str:
        """Cancel waiting tasks and stop running ones; a second signal ends the wait."""
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
        """Return what a task returned, or how it failed."""
        try:
            return f"its Ray task ended as '{self.ray.get(ref)}'"
        except self.ray.exceptions.RayTaskError as error:
            return str(error).strip()  # a traceback, whose last line is the exception
        except self.ray.exceptions.RayError as error:
            return f"{type(error).__name__}: {str(error).split('. ')[0]}"


def run_there(order: Order, folder: str) -> str:
    """Run an order inside a Ray task, in the folder in which the sweep was started."""
    os.chdir(folder)
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # Ray cancels with SIGINT, which a process started by a shell may ignore
    return run_order(order)


def _connect(ray: Any, address: str) -> None:
    """Join the cluster at the address."""
    try:
        _knock(address)
        ray.init(address=address, **INIT)
    except (OSError, ValueError, RuntimeError) as error:  # ConnectionError, which Ray raises, is an OSError
        raise UserError(
            f"no Ray cluster at '{address}' ({_first_line(error)}); start one with `ray start --head`, pass another with "
            "--engine-option address=HOST:PORT, or leave it out (and RAY_ADDRESS unset) for a cluster of this machine"
        ) from error


def _knock(address: str) -> None:
    """Raise OSError if nothing listens at `host:port`: Ray itself retries for minutes."""
    host, colon, port = address.rpartition(":")
    if colon and port.isdecimal() and "/" not in host:
        socket.create_connection((host, int(port)), timeout=KNOCK).close()


def _start(ray: Any, cpus: int) -> None:
    """Start a cluster of this machine alone. Ray gives a node 30 s to start, which a busy machine may exceed, so it is retried."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            ray.init(address="local", num_cpus=cpus, include_dashboard=False, **INIT)
            return
        except Exception as error:  # Ray raises no narrower class if a node does not start
            ray.shutdown()
            if attempt == ATTEMPTS:
                raise UserError(
                    f"Ray cannot start on this machine ({_first_line(error)}); its logs are in /tmp/ray/session_latest/logs"
                ) from error


def _first_line(error: Exception) -> str:
    return "".join(str(error).strip().splitlines()[:1])


def _refuse_more_than_a_node_has(trial: Trial, nodes: Sequence[Mapping[str, Any]]) -> None:
    """Raise UserError for a trial that would wait in Ray forever: its devices must all be on one node."""
    most = max((node["Resources"].get("GPU", 0) for node in nodes if node["Alive"]), default=0)
    if trial.here.devices > max(most, 1):
        raise UserError(
            f"arm '{trial.arm}' requires {trial.here.devices} CUDA devices per trial and no node of the Ray cluster has more than "
            f"{most:g}; lower its resources.gpus in the study, or join a larger node with `ray start`"
        )


def _gpus(trial: Trial, options: RayOptions, *, any_there: bool) -> float:
    """Return the devices of a trial: its study's, else the option's, else one, or none if the cluster has none."""
    if trial.here.gpus is None and options.gpus is not None:
        return options.gpus
    return trial.here.devices if any_there else 0


def _needs(trial: Trial, gpus: float) -> Mapping[str, Any]:
    """Return the resources that a task takes on its node."""
    needs: dict[str, Any] = {"num_cpus": trial.resources.threads, "num_gpus": gpus}
    if trial.resources.memory_gb is not None:
        needs["memory"] = int(trial.resources.memory_bytes())
    return needs
