"""Our objective inside other trainers, a folder each; each needs its trainer's package, and nothing else imports it.

trl   TRL's GRPOTrainer
"""
