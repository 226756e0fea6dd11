"""Commands that act on a sweep: run, work, pause, resume, stop, retry, restore, register.

sweep         `sweeps run` and `sweeps work`, and the parts that replay shares with them
steer         pause, resume, stop, retry
reported      the report that follows a sweep or a replay
register      fixes a study before its first run
restore       restores finished runs from committed logs
restored_run  writes one such run folder
restored_tuning  the record of a tuning from committed logs
"""
