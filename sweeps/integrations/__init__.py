"""Other tools' ways in and out: Hydra's multirun, W&B's sweeps and workspaces. Each leads to the one plan and ledger.

multirun.py    combinations of a command line -> a study     recipes.py    keeps them, so that `sweeps` knows the study
wandb_sweep.py a plan -> a sweep that W&B's agents run       trial.py      what such an agent starts
dashboard.py   a plan -> a W&B workspace
"""
