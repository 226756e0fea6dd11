"""What verl imports: our trainer, loss and agent loop register themselves. VERL_USE_EXTERNAL_MODULES names this module.

verl imports it at the end of its own import, in every process. Raises ImportError, in one sentence, for another verl.
"""

from __future__ import annotations

from importlib.metadata import version

from sspo.integrations.verl.names import VERSION

if version("verl") != VERSION:
    raise ImportError(
        f"sspo.integrations.verl is written for verl {VERSION}, and this environment has {version('verl')}: install verl=={VERSION}, or "
        "take sspo.integrations.verl.plugin out of VERL_USE_EXTERNAL_MODULES"
    )

from sspo.integrations.verl.job import agent, loss, trainer

__all__ = ["agent", "loss", "trainer"]
