"""Benchmarks and GSM8K as JSON Lines, which lie beside the checkout and not in it: ../shared/data, or SSPO_SHARED_DATA."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

DATA = Path(os.environ.get("SSPO_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"the benchmarks are not at hand: no {DATA}")
