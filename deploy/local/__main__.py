"""`python3 -m deploy.local COMMAND`: works with the system's Python alone; makes the environment and re-enters it."""

import argparse
import sys

from deploy.local import demo_folder, environment
from deploy.local.problem import LocalProblem


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m deploy.local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser(
        "setup", help="system packages, .venv, MySQL, MariaDB, MongoDB, Chromium and the pages, for demo and tests"
    )
    demo = commands.add_parser("demo", help="the whole product on this machine, until Ctrl-C")
    demo.add_argument("--customers", type=int, default=500, metavar="N", help="size of the sample data (500)")
    demo.add_argument("--once", action="store_true", help="in a temporary folder: one edit each way, verify, stop")
    demo.add_argument("--json", action="store_true", help="with --once: print one JSON object")
    commands.add_parser("reset", help="forget the demo's data and passwords")
    env = commands.add_parser("env", help="run a command with the demo's connections: env -- lockstep status")
    env.add_argument("words", nargs=argparse.REMAINDER, metavar="-- COMMAND")
    node = commands.add_parser("node", help="run a command in frontend/ with the Node that fits: node -- npm run lint")
    node.add_argument("words", nargs=argparse.REMAINDER, metavar="-- COMMAND")
    mysql = commands.add_parser("mysql", help="run one statement on the demo's MySQL as the application's user")
    mysql.add_argument("statement")
    mongo = commands.add_parser("mongo", help="find documents in the demo's MongoDB, or update one")
    mongo.add_argument("collection")
    mongo.add_argument("where", help='extended JSON, for example \'{"username": "x"}\'')
    mongo.add_argument("update", nargs="?", help='extended JSON, for example \'{"$set": {"name": "y"}}\'')
    return parser


def main() -> int:
    """Returns the exit code: 0 done, 1 refused with a reason."""
    arguments = _parser().parse_args()
    try:
        if arguments.command == "reset":
            demo_folder.forget()
            return 0
        if not environment.inside():
            environment.prepare(for_tests=arguments.command == "setup")
            environment.enter(sys.argv[1:])
        # Only now is there an environment that holds what these modules import.
        from deploy.local import commands

        return commands.run(arguments)
    except LocalProblem as problem:
        print(f"lockstep: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
