"""`trainer.backend=verl`, seen from the process that starts the job: it runs without verl, in the environment of any run.

trial        a run of ours whose rollouts and optimizer steps are a job's
questions    the files of questions that the job reads
recipe       our configuration as verl's options
environment  the Python of verl's environment, checked before any work
launch       the job's process in place
keeper       the process between this one and the job, which ends all that the job started
ray_job      the job on a Ray cluster
follow       the job's log becomes the run's own
resume       verl's checkpoints, and the part of the log that each covers
ending       the named outcome of a job
"""
