"""Hydra finds its plugins in this folder. The parent must not have an __init__.py, because it is a namespace shared with other plugins."""
