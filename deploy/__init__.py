"""How Lockstep is put up: here on one machine without containers (`deploy.local`)."""
