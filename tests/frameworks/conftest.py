"""TRL at this release warns that transformers will rename what it calls: nothing that a reader of results can act on."""

from __future__ import annotations


def pytest_configure(config):
    config.addinivalue_line("filterwarnings", "ignore:.*gradient_checkpointing.*deprecated:FutureWarning")
