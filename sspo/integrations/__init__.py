"""Our objective inside other trainers, a folder each; each needs its trainer's package, and nothing else imports it.

trl       TRL's GRPOTrainer
verl      verl's PPO trainer on Ray
composed  our configuration from a few options of another trainer
rollout   a rollout of another trainer's as ours
"""
