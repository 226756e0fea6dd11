"""Recorded rollouts answer clip questions: any objective, segmentation rule and grid of bounds, without training."""
