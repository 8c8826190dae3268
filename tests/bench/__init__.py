"""How fast the collection is: `python -m tests.bench` measures, and writes the tables of the guide on scale."""
