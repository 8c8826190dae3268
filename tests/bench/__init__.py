"""How fast the collection is: `python -m tests.bench` measures, and writes docs/benchmark.*."""
