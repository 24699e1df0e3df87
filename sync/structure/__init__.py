"""Collections that were altered as a whole: paused where the mapping fits no more, compared where it does."""
