"""A hook for interrupts during imports, which end a command without a traceback: every front door imports it first.

Once `sspo.console.one_sentence` runs, it handles interrupts itself; imports take a second or more before that.
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
