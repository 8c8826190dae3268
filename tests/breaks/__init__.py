"""Deliberate breaks of what mutmut does not reach, and whether the tests notice them: `make breaks`."""
