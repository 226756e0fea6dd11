"""Code shared by everything that comes from the Hugging Face hub.

failures  failures of the hub, in one sentence
"""
