"""What a row of the table is told when it is measured: on which server, how thoroughly, and whom to tell how far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from deploy.local.mysql_binary import Flavour
from tests.servers import Servers

#: Of each thing that is measured. A quick run tells only whether it can be.
REPETITIONS, QUICK_REPETITIONS = 5, 1


class ServersOf(Protocol):
    """Gives the servers that a row is measured on; a row asks once."""

    def __call__(self, *, mongo_cache_gb: float = ...) -> AbstractContextManager[Servers]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    flavour: Flavour
    quick: bool
    servers: ServersOf
    #: Told what is being measured now.
    say: Callable[[str], None]

    @property
    def server(self) -> str:
        """As results name it."""
        return self.flavour.value

    def size(self, full: int, quick: int) -> int:
        """How much to measure."""
        return quick if self.quick else full

    def repetitions(self, what: str) -> Iterator[int]:
        """0, 1, 2 …; says each."""
        count = QUICK_REPETITIONS if self.quick else REPETITIONS
        for number in range(count):
            self.say(f"{what}, {number + 1} of {count}")
            yield number
