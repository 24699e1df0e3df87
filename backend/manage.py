#!/usr/bin/env python3
"""Runs Django's commands; a database that cannot be reached is one line and its remedy, not a traceback."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main(argv: list[str]) -> int:
    """Run one command; returns the exit code (0 done, 1 refused or unreachable)."""
    # Started by path, Python puts this folder first; `config` must not be importable as a top-level name.
    sys.path[0] = str(ROOT)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backend.config.settings")
    from django.core.exceptions import ImproperlyConfigured  # needs the path above
    from django.core.management import execute_from_command_line
    from django.db import OperationalError

    try:
        execute_from_command_line(argv)
    except ImproperlyConfigured as error:
        print(f"configuration: {error}", file=sys.stderr)
        print("hint: set LOCKSTEP_APP_MYSQL_URL (or its _FILE form) and LOCKSTEP_SECRET_KEY", file=sys.stderr)
        return 1
    except OperationalError as error:
        code, text = (*error.args, "")[:2]
        print(f"MySQL error {code}: {text}", file=sys.stderr)
        print("hint: is the server up, and are user and password in LOCKSTEP_*_MYSQL_URL right?", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
