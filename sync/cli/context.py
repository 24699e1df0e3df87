"""What every command shares: --config, and errors as one line with its remedy instead of a traceback."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import click

from sync.cli import exit_codes
from sync.cli.output import note
from sync.config import load_config
from sync.errors import CommandRefused, LockstepError, MappingError
from sync.model.change import DocumentId, Side
from sync.model.codecs import NotCanonical
from sync.model.values import key_from_text
from sync.wiring import Wiring

P = ParamSpec("P")
R = TypeVar("R")

_CONFIG = "config"
#: How the _id of each codec is typed.
_IDS = {
    "objectid": "24 lower-case hexadecimal digits",
    "string": "text",
    "int32": "a whole number of 32 bits",
    **dict.fromkeys(("int", "int64"), "a whole number of 64 bits"),
    "uint64": "a whole number of 64 bits without a sign",
    "uuid": "a UUID in lower case",
}
side_type = click.Choice([str(side) for side in Side])


def show_error(error: LockstepError) -> None:
    """Error and remedy, on stderr."""
    if isinstance(error, MappingError):
        for problem in error.problems:
            note(f"error: {problem}")
    else:
        note(f"error: {error.message}")
    note(f"hint: {error.hint}")


def command(
    name: str | None = None, *, epilog: str = "", **options: Any
) -> Callable[[Callable[..., Any]], click.Command]:
    """A command with --config, examples and exit codes in its help, and errors shown as they should be."""

    def make(function: Callable[..., Any]) -> click.Command:
        @functools.wraps(function)
        def run(*arguments: Any, **values: Any) -> Any:
            try:
                return function(*arguments, **values)
            except LockstepError as error:
                show_error(error)
            except (KeyboardInterrupt, click.exceptions.Exit, click.ClickException, click.Abort):
                raise
            except Exception as error:
                if os.environ.get("LOCKSTEP_DEBUG"):
                    raise
                note(f"error: unexpected {type(error).__name__}")
                note("hint: set LOCKSTEP_DEBUG=1 to see where, and report it")
            raise click.exceptions.Exit(exit_codes.ERROR)

        with_config: Callable[..., Any] = click.option(
            "--config",
            "config_path",
            type=click.Path(path_type=Path, dir_okay=False),
            help="The mapping file.  [default: lockstep.toml, or LOCKSTEP_CONFIG]",
            expose_value=False,
            callback=remember_config,
        )(run)
        decorate: Callable[[Callable[..., Any]], click.Command]
        decorate = click.command(name, epilog=f"{epilog}\n\n{exit_codes.HELP}", **options)
        return decorate(with_config)

    return make


def remember_config(context: click.Context, _: click.Parameter, value: Path | None) -> None:
    """A callback of --config, on the group and on each command; the command's counts."""
    if value is not None:
        context.meta[_CONFIG] = value


def config_path() -> Path:
    """What --config, on the group or on the command, or LOCKSTEP_CONFIG says."""
    given = click.get_current_context().meta.get(_CONFIG)
    return Path(given or os.environ.get("LOCKSTEP_CONFIG") or "lockstep.toml")


def wiring() -> Wiring:
    """The configured site; closed with the command."""
    return click.get_current_context().with_resource(Wiring(load_config(config_path())))


def document(site: Wiring, collection: str, text: str) -> DocumentId:
    """A document named on the command line. Raises `CommandRefused`."""
    mapped = site.collection(collection)
    try:
        return DocumentId(collection, key_from_text(mapped, text))
    except NotCanonical:
        allowed = _IDS.get(mapped.id.codec.name, mapped.id.codec.name)
        hint = "the _id as lockstep verify and lockstep conflicts list show it"
        raise CommandRefused(f"--id: {collection} has {allowed} for an _id", hint=hint) from None
