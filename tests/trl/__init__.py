"""Tests of our objective inside TRL: they need the environment of `make test-trl`."""
