"""The demo: everything from empty servers to two running workers and a web application, in the one right order."""

from __future__ import annotations

import os
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from deploy.local.installation import Installation
from deploy.local.paths import VENV
from deploy.local.problem import LocalProblem
from deploy.local.processes import Process, free_port, stop_together, wait_until
from deploy.local.users import Role

PYTHON = sys.executable
MANAGE = (PYTHON, "backend/manage.py")
LOCKSTEP = (str(VENV / "bin" / "lockstep"),)
#: Seconds for the workers to finish their batches and the web application its requests; the servers follow.
PROGRAMS_STOP = 4.5
#: What the first run has done, so that the next goes on with the same data.
SEEDED, COPIED = "seeded", "copied"


class Demo:
    """A demo in a folder. `quiet`: the steps' output goes to a log instead of the terminal."""

    def __init__(self, installation: Installation, *, customers: int, quiet: bool) -> None:
        self.installation = installation
        self.address = ""
        self._customers = customers
        self._quiet = quiet
        self._programs: list[Process] = []

    def start(self) -> None:
        """Bring everything up; raises LocalProblem, and then `stop` still has to be called."""
        here = self.installation
        _say("starting MySQL and MongoDB")
        here.start()
        assert here.mysql is not None
        assert here.mongo is not None
        _say(f"{here.mysql.program.flavour.value} {here.mysql.program.version}, mongod {here.mongo.program.version}")
        self._prepare()
        _say("starting the web application and both workers")
        web = free_port(here.ports().get("web") or 8000)
        here.keep_ports({"web": web})
        self.address = f"http://127.0.0.1:{web}"
        self._start_programs(web)

    def stop(self) -> list[str]:
        """Stop what was started, servers last; returns the names of what had to be killed."""
        return stop_together(self._programs, PROGRAMS_STOP) + self.installation.stop()

    def watch(self) -> None:
        """Return never; raises LocalProblem when a program ends that should not."""
        here = self.installation
        servers = [server.process for server in (here.mysql, here.mongo) if server]
        while True:
            for process in (*self._programs, *servers):
                if not process.running:
                    raise LocalProblem(f"{process.name} has ended:\n{process.last_lines()}", f"see {process.log}")
            time.sleep(0.3)

    def _prepare(self) -> None:
        here = self.installation
        owner, app, operator = here.django_environment(Role.OWNER), here.django_environment(), here.environment(*Role)
        self._step("migrate", [*MANAGE, "migrate", "--verbosity=0"], owner, quiet=True)
        self._step("lockstep setup", [*LOCKSTEP, "setup"], operator, quiet=True)
        if self._first(SEEDED):
            logins = app | {"LOCKSTEP_DEMO_PASSWORD_FILE": str(here.demo_password_file)}
            self._step("demo_users", [*MANAGE, "demo_users"], logins)
            if not self._filled():  # a run that was killed just behind the seed left no mark
                self._step("seed", [*MANAGE, "seed", "--customers", str(self._customers)], app)
            self._done(SEEDED)
        if self._first(COPIED):
            self._step("lockstep bootstrap", [*LOCKSTEP, "bootstrap", "--from", "mysql"], operator)
            self._done(COPIED)

    def _start_programs(self, port: int) -> None:
        here = self.installation
        gunicorn = [PYTHON, "-m", "gunicorn", "backend.config.wsgi:application", f"--bind=127.0.0.1:{port}"]
        gunicorn += [
            "--worker-class=gthread",
            "--threads=16",  # each open page about a crossing keeps one
            "--graceful-timeout=3",
            "--access-logfile=-",
            "--no-control-socket",
        ]
        web = here.serve("web", gunicorn, here.django_environment())
        self._programs.append(web)
        workers = here.serve("workers", [*LOCKSTEP, "run"], here.environment(Role.FOLLOWER, Role.LISTENER))
        self._programs.append(workers)
        wait_until(lambda: _serves(self.address), web, seconds=60)
        wait_until(self._workers_are_well, workers, seconds=60)

    def _workers_are_well(self) -> bool:
        """`lockstep status` is the health check: its exit code says so."""
        try:
            self.installation.step("status", [*LOCKSTEP, "status"], self.installation.environment(*Role), quiet=True)
        except LocalProblem:
            return False
        return True

    def _step(self, name: str, command: list[str], environ: dict[str, str], *, quiet: bool = False) -> None:
        _say(name)
        self.installation.step(name, command, environ, quiet=quiet or self._quiet)

    def _filled(self) -> bool:
        with self.installation.open_mysql(Role.APP) as mysql, mysql.cursor() as cursor:
            return cursor.execute("SELECT 1 FROM analytics_customer LIMIT 1") == 1

    def _first(self, mark: str) -> bool:
        return not (self.installation.home / mark).exists()

    def _done(self, mark: str) -> None:
        (self.installation.home / mark).touch()


@contextmanager
def stopping(demo: Demo) -> Iterator[None]:
    """Whatever happens inside, everything is stopped; SIGTERM and SIGHUP are as good as Ctrl-C, also where a shell that
    started us in the background had SIGINT ignored."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # it is under way
        _say("stopping")
        if killed := demo.stop():
            _say(f"had to be killed: {', '.join(killed)}")


def _serves(address: str) -> bool:
    """Whether something answers there, be it with a refusal."""
    try:
        with urllib.request.urlopen(f"{address}/accounts/login/", timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def _say(line: str) -> None:
    print(f"lockstep: {line}", file=sys.stderr, flush=True)


def in_front(demo: Demo) -> None:
    """Run until Ctrl-C."""
    with stopping(demo):
        demo.start()
        print(_banner(demo), flush=True)
        with suppress(KeyboardInterrupt):  # the ordinary end
            demo.watch()


def _banner(demo: Demo) -> str:
    here = demo.installation
    with here.open_mysql(Role.APP) as mysql, mysql.cursor() as cursor:
        cursor.execute("SELECT id FROM analytics_customer ORDER BY id LIMIT 1")
        row = cursor.fetchone()
    customer = str(row[0]) if row else "0" * 24
    document = f"""'{{"_id": {{"$oid": "{customer}"}}}}'"""
    # A person at the terminal may see it; a file or pipe is pointed to where it stands.
    shown = here.demo_password_file.read_text() if os.isatty(1) else f"in {here.demo_password_file}"
    logins = "\n".join(f"    {email}" for email in LOGINS)
    command = "python3 -m deploy.local"
    return f"""
  Lockstep is running: {demo.address}/app/

  Logins (password {shown}):
{logins}

  Log in as technical@example.com and open Crossing: edit either side and watch the change arrive.

  Or try an edit in MySQL from another terminal, and see it in MongoDB:
    {command} mysql "UPDATE analytics_customer SET name = 'Ada Lovelace' WHERE id = '{customer}'"
    {command} mongo customers {document}

  Try an edit in MongoDB, and see it in MySQL:
    {command} mongo customers {document} '{{"$set": {{"name": "Grace Hopper"}}}}'
    {command} mysql "SELECT name FROM analytics_customer WHERE id = '{customer}'"

  Any command as operator:  {command} env -- lockstep status
  Ctrl-C stops everything; the data stays for the next run (make demo-reset starts anew).
"""


#: As `manage.py demo_users` makes them, one per role.
LOGINS = ("customer@example.com", "technical@example.com", "management@example.com")
