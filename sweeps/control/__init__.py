"""The verbs: run, work, pause, resume, stop, retry, restore.

run           `sweeps run` and `sweeps work`
training      what run and replay share
steer         pause, resume, stop, retry
restore       finished runs out of committed logs
restored_run  one such run folder
"""
