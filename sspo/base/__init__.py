"""The embedded base model: a tiny Qwen2 taught on worked chains with systematic errors.

recipe     architecture and teaching data
teach      `python -m sspo.base.teach`
tokenizer  its word-level tokenizer
"""
