"""How many trials run at a time, and which devices each sees."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sweeps.plan.devices import default_workers, device_environment, visible_devices


@pytest.mark.parametrize(
    ("named", "devices"),
    [
        ("0,1", ("0", "1")),
        (" 3 , GPU-8f2a ", ("3", "GPU-8f2a")),
        ("2,-1,0", ("2",)),  # CUDA hides the devices after an invalid entry
        ("-1", ()),
        ("", ()),  # an empty value hides every device, including those that have a file
    ],
)
def test_the_devices_are_those_that_the_environment_names(
    named: str, devices: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "nvidia0").touch()
    assert visible_devices({"CUDA_VISIBLE_DEVICES": named}, tmp_path) == devices


def test_else_they_are_counted_by_their_files(tmp_path: Path) -> None:
    assert visible_devices({}, tmp_path) == ()
    for name in ("nvidia3", "nvidia10", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    assert visible_devices({}, tmp_path) == ("0", "1")


def test_a_worker_a_device_or_a_processor_that_this_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 5, 7}, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    assert default_workers(("0", "1")) == 2
    assert default_workers(()) == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    assert default_workers(()) == 64


def test_devices_are_dealt_out_in_turn_and_none_is_hidden_where_there_is_none() -> None:
    dealt = [device_environment(("4", "GPU-6"), slots) for slots in [(0,), (1,), (2,), (1, 2)]]
    assert [environment["CUDA_VISIBLE_DEVICES"] for environment in dealt] == ["4", "GPU-6", "4", "GPU-6,4"]
    assert device_environment((), (0,)) == {}
