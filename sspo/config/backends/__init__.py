"""What each foreign backend of trainer.backend cannot follow, and the facts of one that its own process shares with ours. No torch.

trl         options that TRL cannot follow
verl        options that verl cannot follow, and the Python that starts it
verl_names  verl's own option names, and the options of ours that set them
"""
