"""A package of its own: verl's wheel puts a `tests` into site-packages, which would win over a plain folder."""
