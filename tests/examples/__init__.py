"""Every example of the documentation is run against the simulator. CONTRIBUTING.md tells how to write one."""
