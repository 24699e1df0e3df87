"""The bench: how near the engine comes to what the two databases can do. `python -m tests.bench --help` tells how it is run."""
