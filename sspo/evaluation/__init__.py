"""Held-out scoring, the same for a curve, a run's last step and a separate evaluation.

evaluator  scores every question of every held-out set
order      the order of questions, and what is sampled at once
due        when a run is evaluated
draws      the questions of an evaluation, and the random numbers of every answer
scoring    responses to scores
fits       checks of prompts and answers before any work
expected   memory, estimated before any work
"""
