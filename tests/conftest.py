"""Profiles of hypothesis: the tests draw the same examples on every run; `HYPOTHESIS_PROFILE=fuzz` looks for new ones.

What it finds is kept as an `@example` of its test.
"""

from __future__ import annotations

import importlib.util
import os

if importlib.util.find_spec("hypothesis"):  # tests/foreign and tests/services run where it is not installed
    from hypothesis import settings

    settings.register_profile("same", derandomize=True, deadline=None)
    settings.register_profile("fuzz", deadline=None, print_blob=True)
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))
