"""What the engine reports about itself, read from its tables; nothing here writes them."""
