"""Base models that need no hub: a tiny Qwen2 taught on worked chains with systematic errors, and SmolLM2 from a
package.

recipe     architecture and teaching data
teach      `python -m sspo.base.teach`
tokenizer  its word-level tokenizer
smollm2    `python -m sspo.base.smollm2`: a real language model with 135 M parameters
qwen_vocabulary  the real vocabulary of Qwen2.5
random_qwen2     `python -m sspo.base.random_qwen2`: a random model of its shape, to test studies on
"""
