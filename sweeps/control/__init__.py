"""The verbs: run, work, pause, resume, stop, retry, restore.

sweep         `sweeps run` and `sweeps work`, and what replay shares with them
steer         pause, resume, stop, retry
restore       finished runs out of committed logs
restored_run  one such run folder
"""
