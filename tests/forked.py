"""Processes that train and need not import torch first: all of them fork from a server that did."""

from __future__ import annotations

import multiprocessing

forks = multiprocessing.get_context("forkserver")
forks.set_forkserver_preload(["sspo.train", "sspo.trainer.loop"])
