"""Modules, roles and playbooks as users run them, against the simulator."""
