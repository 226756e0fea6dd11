"""Hydra finds its plugins in this physical folder; the one above must hold no __init__.py, as others share its name."""
