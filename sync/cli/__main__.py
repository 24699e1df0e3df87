"""`python -m sync.cli`, the same as `lockstep`."""

from sync.cli.main import main

main()
