"""From a study's spec to finished run folders. Never imports torch. The rooms, lowest first: one imports only those above it.

study         specs: their contents and refusals
ledger        the state of a trial in the store
plan          cells and trials, with their cost
monitor       views of a sweep, and control requests
workers       trials on one machine
engines       trials on other machines
control       the commands that act on a sweep
search        Optuna
tune          the tuning of a study's arms
replay        recorded runs under different bounds
integrations  Hydra and W&B
find_study    resolves NAME to a study
options       options that commands share
commands      the commands of `python -m sweeps`
"""
