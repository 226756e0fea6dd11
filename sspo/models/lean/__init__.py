"""Decoders of the Llama family in fewer and larger steps than transformers takes: the same results within rounding.

layout  the supported models, and the location of their weights
rows    whole rows to hidden states, without padding
pieces  norm, rotation, gate, rows with and without padding, each with a backward pass of its own
"""
