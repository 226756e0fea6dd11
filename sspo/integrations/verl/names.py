"""Names that both sides of verl's job use. Imports nothing of verl's."""

from __future__ import annotations

NAME = "sspo"
"""Our trainer, policy loss and agent loop in verl's registries, and our section of its configuration."""
VERSION = "0.9.1"
"""The version of verl whose extension points these are."""
PLUGIN = "sspo.integrations.verl.plugin"
"""The module that verl imports."""
