"""What all that comes from the Hugging Face hub has in common.

failures  what goes wrong there, in one sentence
"""
