"""The pure core: changes, mapping, merging, deciding. No I/O, no clock, no randomness, no logging."""
