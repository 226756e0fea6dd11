"""The end of a command: its exit status, or one sentence on stderr and never a traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable

from sspo.console.closed_pipe import CLOSED_PIPE, drop, nobody_reads
from sspo.console.spoken import spoken
from sspo.console.visible import visible_lines
from sspo.errors import UserError
from sspo.runs.fence import LeaseLost


def one_sentence(main: Callable[[], int]) -> int:
    """Run a command; a UserError ends as one line on stderr and exit status 2, an interrupt as 130, a lost lease as LEFT.

    If its reader has left, it ends silently with CLOSED_PIPE.
    """
    try:
        try:
            return main()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        if not (unread := nobody_reads()):
            raise
        drop(unread)
        return CLOSED_PIPE
    except UserError as error:
        print(f"error: {visible_lines(spoken(str(error)))}", file=sys.stderr)
        return 2
    except LeaseLost as lost:
        print(f"left: {visible_lines(spoken(lost.message))}", file=sys.stderr)
        raise
    except KeyboardInterrupt:
        print("interrupted: run the same command again to continue", file=sys.stderr)
        return 130
