"""What `python3 -m deploy.local …` offers, once it runs in the project's environment."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
from collections.abc import Sequence
from typing import NoReturn

import pymysql
from pymongo.errors import PyMongoError

from deploy.local import edits, frontend, mongo_binary, mysql_binary
from deploy.local.crossing import once
from deploy.local.demo import Demo, in_front
from deploy.local.installation import Installation
from deploy.local.paths import DEMO
from deploy.local.problem import LocalProblem


def run(arguments: argparse.Namespace) -> int:
    """Do one command; returns the exit code, raises LocalProblem."""
    match arguments.command:
        case "setup":
            have_servers()
            frontend.build()
        case "demo" if arguments.once:
            return _once(arguments.customers, as_json=arguments.json)
        case "demo":
            frontend.build()
            in_front(Demo(Installation(DEMO), customers=arguments.customers, quiet=False))
        case "env":
            return _with_environment(arguments.words)
        case "node":
            return frontend.run(_command(arguments.words))
        case "mysql":
            edits.mysql(Installation(DEMO), arguments.statement)
        case "mongo":
            edits.mongo(Installation(DEMO), arguments.collection, arguments.where, arguments.update)
    return 0


def have_servers() -> None:
    """Fetch what demo and tests will start; raises LocalProblem where it cannot be had."""
    mysql_binary.find()
    mongo_binary.find()


def _once(customers: int, *, as_json: bool) -> int:
    try:
        result = once(customers)
    except (pymysql.MySQLError, PyMongoError, OSError) as error:
        raise LocalProblem(f"{type(error).__name__}: {error}") from None
    if as_json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print(f"{name}: {value}")
    return 0


def _with_environment(words: Sequence[str]) -> int:
    """Become a command with the operator's environment, or print that environment for a shell (files, no secrets)."""
    environ = Installation(DEMO).operator_environment()
    if command := _command(words):
        _become(command, environ)
    names = sorted(name for name in environ if name.startswith("LOCKSTEP_") or name == "PATH")
    print("\n".join(f"export {name}={shlex.quote(environ[name])}" for name in names))
    return 0


def _command(words: Sequence[str]) -> list[str]:
    return list(words[1:] if words[:1] == ["--"] else words)


def _become(command: list[str], environ: dict[str, str]) -> NoReturn:
    program = shutil.which(command[0], path=environ["PATH"])
    if program is None:
        raise LocalProblem(f"there is no program {command[0]}")
    os.execve(program, command, environ)
