"""From a study's spec to finished run folders. Never imports torch. The rooms, lowest first: one imports only those above it.

study         what a spec says, and may not say
ledger        what the store says of a trial
plan          cells and trials, with their cost
monitor       what people see of a sweep and ask of it
workers       trials on one machine
engines       trials on other machines
control       the verbs
search        Optuna
replay        recorded runs under other bounds
integrations  Hydra and W&B
find_study    what NAME stands for
options       options that commands share
commands      the commands of `python -m sweeps`
"""
