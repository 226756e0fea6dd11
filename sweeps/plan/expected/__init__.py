"""Memory and time of a trial that has not run, from its model's shape and its configuration (docs/cost.md). Without torch.

tables   the tables of conf/planning, read and checked
machine  the device of this machine, or one that the user names
shapes   the shape of a model, from its folder or from the table
work     operations and bytes of a trial
hours    seconds of a trial on a device
holds    memory of a trial, and whether it fits on a device
trials   memory and time of a plan's trials
"""
