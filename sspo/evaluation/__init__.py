"""Held-out scoring, the same for a curve, a run's last step and an evaluation of its own.

evaluator  asks every question of every held-out set
order      in which order, and what is asked at once
scoring    responses to scores
fits       prompts and answers, looked at before any work
expected   memory, estimated before any work
"""
