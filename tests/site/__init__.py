"""The documentation as a site: the plugins' pages by antsibull-docs, and the guides as they are (`make docs`)."""
