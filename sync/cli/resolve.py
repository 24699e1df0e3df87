"""lockstep conflicts resolve: what a person decides of held documents, bound to the values that they were shown."""

from __future__ import annotations

import getpass
import json
from collections.abc import Mapping, Sequence
from typing import Any, Unpack

import click

from sync.cli import exit_codes
from sync.cli.conflict_filters import NAMES, Filters, chosen, filters
from sync.cli.context import command, side_type, wiring
from sync.cli.output import answer, note, plain
from sync.errors import CommandRefused
from sync.model.change import Side
from sync.model.choice import Taken
from sync.model.shown import label, taken_of, token
from sync.reconcile.repairing import PATIENCE
from sync.wiring import Wiring

_EXAMPLE = """Example: lockstep conflicts resolve 12 --winner mysql --reason "the branch called\""""

_Row = Mapping[str, Any]


@command("resolve", epilog=_EXAMPLE)
@click.argument("number", type=click.IntRange(1, 2**63 - 1), required=False)
@click.option("--winner", type=side_type, help="The side whose value stands, in all fields that --value does not name.")
@click.option(
    "--value", "values", multiple=True, metavar="FIELD=JSON", help="A value of your own for one field; may be repeated."
)
@click.option("--reason", required=True, help="Why; kept with the conflict.")
@click.option("--shown", help="What `conflicts show` printed: refused if other values stand there by now.")
@click.option("--all", "every", is_flag=True, help="Every conflict that the filters let through, instead of one.")
@filters(state="waiting", limit=1000)
@click.option("--dry-run", is_flag=True, help="Only show what would be decided.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def resolve(
    number: int | None,
    winner: str | None,
    values: tuple[str, ...],
    reason: str,
    shown: str | None,
    every: bool,
    dry_run: bool,
    as_json: bool,
    **given: Unpack[Filters],
) -> None:
    """Decide a held document, field by field or for a side.

    A decision counts while the sides hold the values that were shown, whatever else is edited in the document; else it is refused,
    with those that stand there. The next look of the follower carries it out. Fields are named as `conflicts show` names them.

    With a value of your own: lockstep conflicts resolve 12 --value 'name="Ann Lee"' --reason "her passport"

    Many at once: lockstep conflicts resolve --all --collection accounts --older-than 2h --winner mongo --reason "a bulk load"
    """
    _require_usage(number, winner, values, reason, shown, every)
    own = dict(_value(text) for text in values)
    side = Side(winner) if winner else None
    if every:
        rows, more, site = chosen(**given)
        if more:
            note(f"only the newest {given['limit']:,} are decided; more: --limit")
        numbers = [int(row["id"]) for row in rows if row["state"] in ("open", "waiting")]
    else:
        assert number is not None
        site, numbers = wiring(), [number]
    if not dry_run:
        site.require_at_work("a conflict is resolved by both workers")
    decisions, results = _decisions(site, numbers, side, own, shown, alone=not every)
    if dry_run:
        _show({n: _told(taken) for n, taken in decisions.items()} | results, as_json, "would be decided")
        return
    deciding = site.deciding
    requests = {deciding.ask(n, taken, reason, _person()): n for n, taken in decisions.items()}
    results |= deciding.outcomes(requests, PATIENCE)
    _show(results, as_json, "decided")
    if any(one["state"] == "refused" for one in results.values()):
        raise click.exceptions.Exit(exit_codes.ERROR)


def _require_usage(
    number: int | None,
    winner: str | None,
    values: Sequence[str],
    reason: str,
    shown: str | None,
    every: bool,
) -> None:
    if (number is None) is not every:
        raise click.UsageError("Name one conflict by its number, or --all with filters.")
    source = click.get_current_context().get_parameter_source
    if not every and any(source(name) is click.core.ParameterSource.COMMANDLINE for name in NAMES):
        raise click.UsageError("Filters go with --all; a number names one conflict by itself.")
    if every and (values or shown):
        raise click.UsageError("--value and --shown are for one conflict; --all takes --winner.")
    if not winner and not values:
        raise click.UsageError("Say what stands: --winner mysql, --winner mongo, or --value FIELD=JSON.")
    if not reason.strip():
        raise click.UsageError("--reason must say why.")


def _value(text: str) -> tuple[str, object]:
    """FIELD=JSON; a field's name may hold a key with an equals sign in quotes, so each place is tried."""
    for at in (place for place, character in enumerate(text) if character == "="):
        try:
            return text[:at], json.loads(text[at + 1 :])
        except ValueError:
            continue
    raise click.UsageError(
        f"--value {text.split('=', 1)[0]}=…: after the = JSON is needed, for example name='\"Ann\"' or age=5."
    )


def _decisions(
    site: Wiring,
    numbers: Sequence[int],
    side: Side | None,
    own: Mapping[str, object],
    shown: str | None,
    *,
    alone: bool,
) -> tuple[dict[int, tuple[Taken, ...]], dict[int, Mapping[str, object]]]:
    """What is decided of each; and those that cannot be, with why. `alone`: that raises."""
    decisions: dict[int, tuple[Taken, ...]] = {}
    refused: dict[int, Mapping[str, object]] = {}
    for number in numbers:
        try:
            decisions[number] = _decision(site, site.conflict(number), side, own, shown)
        except CommandRefused as error:
            if alone:
                raise
            refused[number] = {"state": "refused", "message": error.message, "changed": []}
    return decisions, refused


def _decision(
    site: Wiring, row: _Row, side: Side | None, own: Mapping[str, object], shown: str | None
) -> tuple[Taken, ...]:
    deciding = site.deciding
    collection = site.collection(deciding.collection(row))
    units = deciding.shown(row)
    number = row["id"]
    if shown is not None and shown != token(units):
        raise CommandRefused(
            f"other values stand in conflict {number} than those of --shown {shown}",
            hint=f"lockstep conflicts show {number}",
        )
    try:
        return taken_of(collection, units, side, own)
    except ValueError as error:
        raise CommandRefused(f"conflict {number}: {error}", hint=f"lockstep conflicts show {number}") from None


def _person() -> str:
    """Who asks, as the system knows them."""
    try:
        return f"{getpass.getuser()} (command line)"
    except (KeyError, OSError):
        return "command line"


def _told(taken: Sequence[Taken]) -> Mapping[str, object]:
    fields = {label(one.head): one.result for one in taken}
    return {"state": "dry_run", "message": "", "changed": [], "fields": fields}


def _show(results: Mapping[int, Mapping[str, Any]], as_json: bool, verb: str) -> None:
    """One line a conflict, and how many of each; with the values that stand there where others were decided on."""
    counts = {state: sum(one["state"] == state for one in results.values()) for state in ("done", "pending", "refused")}
    if as_json:
        answer({**counts, "conflicts": [{"conflict": number, **one} for number, one in results.items()]})
        return
    for number, one in results.items():
        if one["state"] == "dry_run":
            fields = ", ".join(
                f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in one["fields"].items()
            )
            plain(f"conflict {number}: {verb}: {fields}")
            continue
        plain(f"conflict {number}: {one['state']}{': ' if one['message'] else ''}{one['message']}")
        for unit in one["changed"]:
            values = ", ".join(f"{name}: {json.dumps(unit[name], ensure_ascii=False)}" for name in ("mysql", "mongo"))
            plain(f"  {unit['table']}{'.' if unit['column'] else ''}{unit['column']} now holds {values}")
    if verb == "decided":
        plain(f"{counts['done']} decided, {counts['refused']} refused, {counts['pending']} pending")
    if counts["pending"]:
        note("hint: a pending decision is carried out by the next look: lockstep conflicts show NUMBER")
