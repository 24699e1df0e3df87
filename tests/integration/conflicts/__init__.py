"""Every kind of conflict under every policy, met first in either direction."""
