"""Clients of a PCE that others wrote, against the simulator: `make foreign`."""
