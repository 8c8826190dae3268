"""A stateful and strict simulator of the PCE REST API; README.md tells how to run it."""
