"""Rows of my own for sspo. Each module is named in pyproject.toml; an edit of any of them makes other cells."""
