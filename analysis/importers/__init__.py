"""Logs of other tools, read into one form. `read` finds out by their content what a path holds."""
