"""People who log in, their roles, and how a role is granted."""
