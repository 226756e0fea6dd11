"""What verl imports: our trainer, loss and agent loop register themselves. VERL_USE_EXTERNAL_MODULES names this module.

verl imports it at the end of its own import, in every process. Raises ImportError, in one sentence, for another verl.
"""

from __future__ import annotations

from sspo.config.backends.verl import VERL_VERSION, other_version, version_here
from sspo.integrations.verl.names import MODULES, PLUGIN, WRITTEN_FOR

if version_here() != VERL_VERSION:
    remedy = f"install verl=={VERL_VERSION}, or take {PLUGIN} out of {MODULES}"
    raise ImportError(other_version(WRITTEN_FOR, "this environment", version_here(), remedy))

from sspo.integrations.verl.job import agent, loss, trainer

__all__ = ["agent", "loss", "trainer"]
