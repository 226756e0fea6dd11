"""Tests of our objective inside verl: they need the environments of `make test-verl`."""
