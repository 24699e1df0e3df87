"""A private MySQL, a private MongoDB and the demo over them on this machine, without containers.

Shared by `make demo` and the tests. Everything listens on loopback only and ends with who started it.
"""
