"""What the loss saw of a rollout, kept: `recorded` is it in memory, `file` on disk."""
