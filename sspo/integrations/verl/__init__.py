"""The objective, segmentation, metrics and run folder of this project inside verl 0.9.1.

names      what both sides call things; imports nothing of verl's
plugin     what verl imports: everything in job/ registers itself
parent     outside them: trainer.backend=verl starts a job and follows it
job        inside verl's processes
__main__   `python -m sspo.integrations.verl`: check, then verl's own main_ppo
"""
