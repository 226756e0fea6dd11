"""Imported first by what is started as `python -m`: an interrupt while the rest is being imported ends it without a traceback.

Once `sspo.console.one_sentence` runs, that one answers interrupts; importing takes a second or more before.
"""

from __future__ import annotations

import os
import sys
from types import TracebackType

_others = sys.excepthook


def _hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        _others(kind, error, trace)
        return
    print("interrupted before it had begun", file=sys.stderr, flush=True)
    os._exit(130)  # after this hook Python would end itself by the signal, with another status


sys.excepthook = _hook
