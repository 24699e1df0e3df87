"""What people do to a few documents on both sides at once, at random and with values that nobody writes twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TypeAlias

from bson import ObjectId

from sync.model.change import Side
from tests.integration.conflicts.items import MOST_A, MOST_B, Items, item
from tests.plain import Doc

Edit: TypeAlias = Callable[[Items], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Which side begins is another matter."""

    #: Stands on both sides before.
    base: Sequence[Doc] = ()
    edits: Mapping[Side, Sequence[Edit]]
    #: Without it, this many documents wait for ever.
    mend: Edit | None = None
    waiting: int = field(default=0)


def story(random: Random, numbers: Iterator[int]) -> Story:
    """Another one."""
    (tell,) = random.choices([tell for tell, _ in _STORIES], [weight for _, weight in _STORIES])
    return tell(random, numbers, random.choice(list(Side)))


def _fields(random: Random, numbers: Iterator[int]) -> dict[str, int]:
    return {name: next(numbers) for name in random.sample(["a", "b"], random.choice([1, 2]))}


def _updates(random: Random, numbers: Iterator[int], side: Side, key: ObjectId) -> list[Edit]:
    """One or two, the second upon the first."""
    steps = [_fields(random, numbers) for _ in range(random.choice([1, 1, 2]))]
    return [lambda items, fields=fields: items.update(side, key, **fields) for fields in steps]  # type: ignore[misc]


def _update(side: Side, key: ObjectId, **fields: object) -> Edit:
    return lambda items: items.update(side, key, **fields)


def _delete(side: Side, key: ObjectId) -> Edit:
    return lambda items: items.delete(side, key)


def _insert(side: Side, document: Doc) -> Edit:
    return lambda items: items.insert(side, document)


def both_update(random: Random, numbers: Iterator[int], _: Side) -> Story:
    """Fields of the same document, the same ones or others."""
    key = ObjectId()
    return Story(base=[item(key)], edits={side: _updates(random, numbers, side, key) for side in Side})


def both_write_the_same(_: Random, numbers: Iterator[int], __: Side) -> Story:
    key, number = ObjectId(), next(numbers)
    return Story(base=[item(key)], edits={side: [_update(side, key, a=number)] for side in Side})


def one_updates(random: Random, numbers: Iterator[int], side: Side) -> Story:
    key = ObjectId()
    return Story(base=[item(key)], edits={side: _updates(random, numbers, side, key), side.other: ()})


def both_insert(random: Random, numbers: Iterator[int], _: Side) -> Story:
    key = ObjectId()
    return Story(edits={side: [_insert(side, item(key, **_fields(random, numbers)))] for side in Side})


def one_deletes(random: Random, numbers: Iterator[int], side: Side) -> Story:
    """What the other one updates."""
    key = ObjectId()
    edits = {side: [_delete(side, key)], side.other: _updates(random, numbers, side.other, key)}
    return Story(base=[item(key)], edits=edits)


def both_delete(_: Random, __: Iterator[int], ___: Side) -> Story:
    key = ObjectId()
    return Story(base=[item(key)], edits={side: [_delete(side, key)] for side in Side})


def one_appends(_: Random, numbers: Iterator[int], side: Side) -> Story:
    """To what the other one deletes."""
    key, number = ObjectId(), next(numbers)
    edits: dict[Side, Sequence[Edit]] = {
        side: [lambda items: items.append(side, key, 0, number)],
        side.other: [_delete(side.other, key)],
    }
    return Story(base=[item(key)], edits=edits)


def one_renames(_: Random, numbers: Iterator[int], __: Side) -> Story:
    """To a key that the other one inserts."""
    key, other = ObjectId(), ObjectId()
    edits: dict[Side, Sequence[Edit]] = {
        Side.MYSQL: [lambda items: items.rename(other, key)],
        Side.MONGO: [_insert(Side.MONGO, item(key, a=next(numbers)))],
    }
    return Story(base=[item(other, a=next(numbers))], edits=edits)


def both_want_a_code(_: Random, numbers: Iterator[int], side: Side) -> Story:
    one, other, code = ObjectId(), ObjectId(), next(numbers)
    edits = {side: [_update(side, one, code=code)], side.other: [_update(side.other, other, code=code)]}
    return Story(base=[item(one), item(other)], edits=edits, mend=_update(side, one, code=-code), waiting=2)


def a_parent_is_missing(_: Random, numbers: Iterator[int], __: Side) -> Story:
    key, number = ObjectId(), next(numbers)
    edits: dict[Side, Sequence[Edit]] = {Side.MONGO: [_update(Side.MONGO, key, parent=number)], Side.MYSQL: ()}
    return Story(base=[item(key)], edits=edits, mend=lambda items: items.parent(number), waiting=1)


def too_much(_: Random, numbers: Iterator[int], side: Side) -> Story:
    """For the other side's rules."""
    key = ObjectId()
    name, most = ("a", MOST_A) if side is Side.MONGO else ("b", MOST_B)
    edits: dict[Side, Sequence[Edit]] = {side: [_update(side, key, **{name: most + next(numbers)})], side.other: ()}
    return Story(base=[item(key)], edits=edits, mend=_update(side, key, **{name: next(numbers)}), waiting=1)


def no_words_for_it(_: Random, numbers: Iterator[int], side: Side) -> Story:
    key = ObjectId()
    wrong, right = ({"a": "text"}, {"a": next(numbers)}) if side is Side.MONGO else ({"flag": 7}, {"flag": 0})
    edits: dict[Side, Sequence[Edit]] = {side: [_update(side, key, **wrong)], side.other: ()}
    return Story(base=[item(key)], edits=edits, mend=_update(side, key, **right), waiting=1)


def a_gap(_: Random, numbers: Iterator[int], __: Side) -> Story:
    key = ObjectId()
    elements = [next(numbers) for _ in range(3)]
    gone = "DELETE FROM {name}_element WHERE item_id = %s AND position = 1"
    edits: dict[Side, Sequence[Edit]] = {Side.MYSQL: [lambda items: items.mysql(gone, str(key))], Side.MONGO: ()}
    return Story(base=[item(key, elements=elements)], edits=edits)


#: With how often each is told.
_STORIES: Sequence[tuple[Callable[[Random, Iterator[int], Side], Story], int]] = (
    (both_update, 40),
    (both_write_the_same, 3),
    (one_updates, 5),
    (both_insert, 12),
    (one_deletes, 16),
    (both_delete, 3),
    (one_appends, 10),
    (one_renames, 6),
    (both_want_a_code, 3),
    (a_parent_is_missing, 2),
    (too_much, 4),
    (no_words_for_it, 4),
    (a_gap, 4),
)
