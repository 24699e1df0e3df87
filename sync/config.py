"""Where the configuration comes from: the mapping from lockstep.toml, connections from the environment only.

Knows names and files, opens no connection. Errors name a variable, never its value: values are secrets.
"""

from __future__ import annotations

import enum
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from sync.errors import ConfigError
from sync.model.mapping import SyncMapping
from sync.model.mapping_file import load_mapping


class Role(enum.StrEnum):
    """The four users a side (design section 6)."""

    OWNER = "owner"
    APP = "app"
    FOLLOWER = "follower"
    LISTENER = "listener"


Server: TypeAlias = Literal["mysql", "mongo"]


def variable(role: Role, server: Server) -> str:
    """The variable of the environment that holds a role's connection."""
    return f"LOCKSTEP_{role.upper()}_{server.upper()}_URL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The mapping, and where to look for connections."""

    path: Path
    mapping: SyncMapping
    environ: Mapping[str, str] = field(repr=False)
    #: Of the text of the mapping file: another one for each other mapping.
    fingerprint: str = ""

    @property
    def state_folder(self) -> Path:
        """Where commands keep what they need the next time: LOCKSTEP_STATE_DIR, or where such things are kept (XDG Base
        Directory Specification)."""
        named = self.environ.get("LOCKSTEP_STATE_DIR")
        if named:
            return Path(named)
        state = self.environ.get("XDG_STATE_HOME")
        try:
            return (Path(state) if state else Path.home() / ".local" / "state") / "lockstep"
        except RuntimeError:
            raise ConfigError("this user has no home folder", hint="set LOCKSTEP_STATE_DIR to a folder") from None

    def tells(self, role: Role, server: Server) -> bool:
        """Whether a role's connection is named; a process needs those of its own role only."""
        name = variable(role, server)
        return bool(self.environ.get(name) or self.environ.get(f"{name}_FILE"))

    def url(self, role: Role, server: Server) -> str:
        """The connection URL of a role; from the variable, or from the file that the variable with _FILE names."""
        name = variable(role, server)
        direct, file = self.environ.get(name), self.environ.get(f"{name}_FILE")
        if direct and file:
            raise ConfigError(f"{name} and {name}_FILE are both set", hint="keep one of them")
        if file:
            try:
                return Path(file).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError):
                raise ConfigError(f"the file that {name}_FILE names cannot be read") from None
        if not direct:
            example = "mysql://user:password@host:3306/database"
            if server == "mongo":
                example = "mongodb://user:password@host:27017/database?replicaSet=rs0"
            raise ConfigError(f"{name} is not set", hint=f"set it (or {name}_FILE) to {example}")
        return direct


def load_config(path: Path, environ: Mapping[str, str] = os.environ) -> Config:
    """Read `path`. Raises `ConfigError`, or `MappingError` with every problem of the mapping."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(
            f"{path} does not exist", hint="name the file with --config, or set LOCKSTEP_CONFIG"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read ({type(error).__name__})", hint="--config names the file") from None
    fingerprint = hashlib.sha256(text.encode()).hexdigest()
    mapping = load_mapping(text, source=path.name)
    return Config(path=path, mapping=mapping, environ=dict(environ), fingerprint=fingerprint)
