"""One document on both sides at once, for people who want to see changes cross. Moves nothing between the databases."""
