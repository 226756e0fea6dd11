"""The embedded base model: a tiny Qwen2 taught on worked chains with systematic errors."""
