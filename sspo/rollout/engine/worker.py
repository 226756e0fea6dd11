"""What vLLM's workers can be asked besides what vLLM has them answer: it loads this class by its name, in whatever process they live."""

from __future__ import annotations

from typing import Any


class Worker:
    """Mixed into vLLM's own worker."""

    model_runner: Any

    def has_head(self) -> bool:
        """Whether the model holds a head beside its embedding; Gemma has none, and refuses weights for one."""
        return hasattr(self.model_runner.get_model(), "lm_head")


NAME = f"{Worker.__module__}.{Worker.__qualname__}"
