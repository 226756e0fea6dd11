"""Optuna's storage of a search: a journal file in the store by default, or a database by URL. One controller at a time."""

from __future__ import annotations

import json
import os
import socket
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sspo.errors import UserError
from sweeps.ledger.machine import start_of, this_machine

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import BaseStorage

MEANING, CONTROLLER = "meaning", "controller"
DRIVERS = {"postgresql://": "postgresql+psycopg://", "postgres://": "postgresql+psycopg://"}
"""The driver that `make test-search` installs, used if a URL names none."""


def open_storage(place: str | Path) -> BaseStorage:
    """Open the storage at a URL or in a journal file, and create it if it does not exist. Raises UserError in one sentence."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return _database(str(place)) if "://" in str(place) else _journal(Path(place))


def name_metric(study: Study, primary: Mapping[str, Any]) -> None:
    """Name the value of a trial in Optuna's tables and plots."""
    from optuna.exceptions import ExperimentalWarning

    decoding = "greedy" if primary["mode"] == "greedy" else f"sampled, T = {primary['temperature']:g}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        study.set_metric_names([f"accuracy ({decoding})"])


def open_study(
    storage: BaseStorage, name: str, meaning: Mapping[str, Any], *, create: bool = True
) -> Study | None:
    """Open the Optuna study of a search; None if it does not exist and `create` is false.

    Raises UserError that names the differences if the study was started under a spec with a different meaning.
    """
    import optuna

    if name not in optuna.study.get_all_study_names(storage):
        if not create:
            return None
        study = optuna.create_study(storage=storage, study_name=name, direction="maximize")
        name_metric(study, meaning["primary"])
    else:
        study = optuna.load_study(storage=storage, study_name=name)
    text = json.dumps(meaning, sort_keys=True)
    before = study.user_attrs.get(MEANING)
    if before is None and create:
        study.set_user_attr(MEANING, text)
    elif before is not None and before != text:
        old, new = json.loads(before), json.loads(text)
        changed = [key for key in meaning if old.get(key) != new[key]]
        raise UserError(
            f"search '{name}' was started with a different {' and '.join(changed) or 'spec'}, and one history cannot hold both: "
            f"copy the spec to a new name, or revert the change"
        )
    return study


@contextmanager
def sole_controller(study: Study, *, take_over: bool) -> Iterator[None]:
    """Hold a study inside the `with` block: otherwise a live controller's trials would be adopted as abandoned ones.

    Raises UserError if another process holds it; a process on another machine is assumed to be alive unless `take_over`.
    """
    held = study.user_attrs.get(CONTROLLER)
    own = _controller()
    if held and held != own and not take_over and _may_live(held):
        raise UserError(
            f"search '{study.study_name}' is run by process {held['pid']} on {held['host']}; wait for it, or pass --take-over "
            "if that machine is gone"
        )
    study.set_user_attr(CONTROLLER, own)
    yield
    study.set_user_attr(CONTROLLER, {})


def _controller() -> dict[str, Any]:
    pid = os.getpid()
    return {"pid": pid, "start": start_of(pid), "host": socket.gethostname(), "machine": this_machine()}


def _may_live(controller: Mapping[str, Any]) -> bool:
    """Return whether the process may be alive; False only if it is known to be gone."""
    here = controller["machine"] == this_machine()
    return not here or start_of(int(controller["pid"])) == controller["start"]


def hidden(place: str | Path) -> str:
    """Return the place without its password."""
    if "://" not in str(place):
        return str(place)
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(str(place)).render_as_string(hide_password=True)
    except ArgumentError:
        return "the URL"


def _journal(path: Path) -> BaseStorage:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        backend = JournalFileBackend(str(path))
        _cut_torn_line(path)
        return JournalStorage(backend)
    except OSError as error:
        raise UserError(
            f"cannot write the journal {path}: {error.strerror}; fix that, or pass another place with --storage"
        ) from error
    except (ValueError, KeyError, AssertionError) as error:
        raise UserError(
            f"the journal {path} is damaged ({error}); move it away to start again: finished runs are kept"
        ) from error


def _cut_torn_line(path: Path) -> None:
    """Cut off a line that a killed process left unfinished: the next line would be appended to it, and both would be lost."""
    from optuna.storages.journal import JournalFileSymlinkLock

    content = path.read_bytes()
    if not content or content.endswith(b"\n"):
        return
    lock = JournalFileSymlinkLock(str(path))
    lock.acquire()
    try:
        content = path.read_bytes()
        with path.open("r+b") as stream:
            stream.truncate(content.rfind(b"\n") + 1)
    finally:
        lock.release()


def _database(url: str) -> BaseStorage:
    from optuna.exceptions import StorageInternalError
    from optuna.storages import RDBStorage
    from sqlalchemy.exc import SQLAlchemyError

    for short, full in DRIVERS.items():
        if url.startswith(short):
            url = full + url.removeprefix(short)
    try:
        return RDBStorage(url, engine_kwargs={"pool_pre_ping": True})
    except ImportError as error:
        raise UserError(
            f"--storage {hidden(url)}: its driver is not installed; `pip install 'psycopg[binary]'` installs PostgreSQL's"
        ) from error
    except (SQLAlchemyError, StorageInternalError, RuntimeError, ValueError) as error:
        raise UserError(f"--storage {hidden(url)} cannot be opened: {_first_line(error)}") from error


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
