"""The fault matrix: every fault at every request of the modules that write, and what the server holds afterwards."""
