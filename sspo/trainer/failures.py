"""From the error that ends a run to its named failure, the same for every backend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sspo.errors import RunFailed, UserError
from sspo.models.device import is_out_of_memory
from sspo.rollout.engine.outlived import EngineDied
from sspo.trainer.optim import Diverged


@dataclass(frozen=True, kw_only=True)
class Failure:
    """The content of FAILED.json for a run that ended for a known reason."""

    reason: str
    message: str
    log_tail: str = ""
    logs: Mapping[str, Any] = field(default_factory=dict)


def failure_of(error: Exception, lack: str | None = None) -> Failure | None:
    """Return the named failure that an error is, None for a refusal and for what has no name.

    `lack` is the sentence for lack of memory, by default the error's own.
    """
    match error:
        case Diverged():
            return Failure(reason="diverged", message=str(error), logs=error.logs)
        case EngineDied():
            return Failure(reason="killed", message=str(error))
        case RunFailed():
            return Failure(reason=error.reason, message=str(error), log_tail=error.log_tail)
        case UserError():
            return None
    return Failure(reason="oom", message=lack or str(error)) if is_out_of_memory(error) else None
