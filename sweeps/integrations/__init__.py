"""Other tools' ways in and out. Each leads to the one plan and ledger.

hydra_multirun   `python -m sspo.train -m`
multirun_study   combinations of a command line become a study
recipes          multiruns by name
arm_names        what their arms are called
wandb_sweep      a plan as a W&B sweep
trial            one trial by its name, as W&B's agents start it
wandb_workspace  a plan as a W&B workspace
"""
