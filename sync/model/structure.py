"""Tables and collections that change as a whole: what a log tells of it, and what becomes of the collection then.

Which rows or documents such a change altered stands in no log. So the whole collection is compared afterwards, or nothing
of it is carried until a person says how to go on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sync.model.change import CollectionState, StructureChange


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A collection that is not simply carried."""

    change: StructureChange
    #: Rises with each change: what was compared under another version must be compared again.
    version: int

    @property
    def hint(self) -> str:
        """The command that helps."""
        return resume_command(self.change.collection, self.change.state, whole=self.change.whole)


def resume_command(collection: str, state: CollectionState, *, whole: bool) -> str:
    """What a person types once mapping and schema are in line; "" where nothing needs doing."""
    if state is not CollectionState.PAUSED:
        return ""
    origin = " --from mysql|mongo" if whole else ""
    return f"lockstep doctor, then: lockstep resume --collection {collection}{origin}"


def joined(standing: StructureChange, change: StructureChange) -> StructureChange:
    """One more change of a collection that is not simply carried: what is paused stays so until a person says otherwise."""
    if standing.state is CollectionState.PAUSED:
        return replace(change, state=CollectionState.PAUSED, whole=standing.whole or change.whole)
    return replace(change, whole=standing.whole or change.whole)


def judged(changes: Sequence[StructureChange], problems: Mapping[str, Sequence[str]]) -> tuple[StructureChange, ...]:
    """What changes come to. `problems`: by collection, what keeps the mapping from fitting now; those are paused."""
    found: list[StructureChange] = []
    for change in changes:
        of_collection = problems.get(change.collection, ())
        if of_collection:
            reason = f"{change.reason}; {'; '.join(of_collection)}"
            found.append(replace(change, state=CollectionState.PAUSED, reason=reason))
        elif change.state is not CollectionState.CARRIED:
            found.append(change)
    return tuple(found)
