"""The verbs: run, work, pause, resume, stop, retry, restore, register.

sweep         `sweeps run` and `sweeps work`, and what replay shares with them
steer         pause, resume, stop, retry
reported      the report that follows a sweep or a replay
register      what binds a study, before its first run
restore       finished runs out of committed logs
restored_run  one such run folder
"""
