"""Additional methods of vLLM's workers; vLLM loads this class by name in each worker's process."""

from __future__ import annotations

from typing import Any


class Worker:
    """Mixin for vLLM's own worker."""

    model_runner: Any

    def has_head(self) -> bool:
        """Return whether the model holds a head beside its embedding; Gemma has none, and refuses weights for one."""
        return hasattr(self.model_runner.get_model(), "lm_head")


NAME = f"{Worker.__module__}.{Worker.__qualname__}"
