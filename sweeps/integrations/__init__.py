"""Imports from and exports to other tools. All use the same plan and ledger.

hydra_multirun   `python -m sspo.train -m`
multirun_study   a study from the combinations of a command line
recipes          multiruns by name
arm_names        names of their arms
wandb_sweep      a plan as a W&B sweep
trial            one trial by its name, as W&B agents start it
wandb_workspace  a plan as a W&B workspace
"""
