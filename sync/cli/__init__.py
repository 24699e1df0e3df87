"""The `lockstep` command line: one file per command. It calls `sync.wiring` and shows what comes back."""

from __future__ import annotations

from sync.cli.main import main

__all__ = ["main"]
