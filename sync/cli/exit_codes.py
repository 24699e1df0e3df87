"""Exit codes, the same for all commands, and the text of them that each --help ends with."""

from __future__ import annotations

OK = 0
#: The command could not do its work; the error and what helps stand on stderr.
ERROR = 1
#: Bad usage: click's own code.
USAGE = 2
#: A worker stopped in a named state, or is not healthy.
UNHEALTHY = 3
#: `verify` found differences; `doctor` found problems.
DIFFERENT = 4

HELP = (
    "Exit codes: 0 done; 1 error, with its remedy; 2 bad usage; 3 a worker stopped in a named state or is not healthy;"
    " 4 verify found differences or doctor found problems."
)
