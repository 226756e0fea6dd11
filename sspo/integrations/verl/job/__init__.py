"""What runs inside verl's own processes, in verl's environment.

options   our options in verl's configuration, and what is refused
trainer   VerlTrainer: verl's synchronous trainer with our rollouts and optimizer steps
rollout   a rollout in verl's queue: read, and written back with our columns
order     which rank takes which rows, step by step
columns   the columns that travel to workers, and a worker's micro-batch
loss      the loss in the workers, through verl's own ppo_loss
agent     a trial: one answer from token ids, with its own seed and our reward
course    a trial: what happens around a rollout's updates
events    a trial: log.jsonl, and the state beside verl's checkpoints
"""
