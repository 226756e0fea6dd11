"""The training loop and what it needs: forward pass, optimiser, checkpoints, evaluation."""
