"""The commands around the two worker processes: run, follow, listen, status, pause, resume; signals and exit codes."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId

from deploy.local.mysql_binary import Flavour
from deploy.local.processes import free_port
from sync.cli import exit_codes
from tests.running import PROMISED, Running
from tests.site import Site

A, B = "a" * 24, "b" * 24


@pytest.fixture
def flavour() -> Flavour:
    """One family is enough for processes and signals; what workers carry has its tests on both."""
    return Flavour.MYSQL


Start = Callable[..., Running]


@pytest.fixture
def start(site: Site, tmp_path: Path) -> Iterator[Start]:
    """Starts lockstep processes; they end with the test."""
    with ExitStack() as opened:

        def starting(*arguments: str, **environ: str) -> Running:
            running = Running(site, tmp_path / f"{arguments[0]}.log", *arguments, **environ)
            opened.callback(running.kill)
            return running

        yield starting


@pytest.fixture
def copied(site: Site) -> Site:
    """Set up, with a first copy of nothing."""
    site.setup()
    site.lockstep("bootstrap", "--from", "mysql")
    return site


def until(condition: Callable[[], bool], running: Running, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, running.said()
        time.sleep(0.05)


def streaming(running: Running) -> bool:
    return all(running.states(worker)[-1:] == ["streaming"] for worker in ("follower", "listener"))


def status(site: Site) -> tuple[int, dict[str, dict[str, Any]]]:
    """Exit code, and each worker by its name."""
    done = site.lockstep("status", "--json", check=False)
    return done.returncode, {one["name"]: one for one in json.loads(done.stdout)["workers"]}


def insert_account(site: Site, key: str) -> None:
    with site.mysql("app").cursor() as cursor:
        cursor.execute("INSERT INTO analytics_account (id, account_id, `limit`) VALUES (%s, 1, 2)", (key,))


def test_run_carries_both_ways_and_ends_on_request(copied: Site, start: Start) -> None:
    """Two workers, well while they run; SIGTERM ends both in time, with exit code 0, and status then says so."""
    running = start("run")
    until(lambda: streaming(running), running)
    insert_account(copied, A)
    accounts = copied.mongo("app")["accounts"]
    until(lambda: accounts.find_one({"_id": ObjectId(A)}) is not None, running)
    accounts.update_one({"_id": ObjectId(A)}, {"$set": {"limit": 9}})

    def limit() -> int:
        with copied.mysql("app").cursor() as cursor:
            cursor.execute("SELECT `limit` FROM analytics_account WHERE id = %s", (A,))
            row = cursor.fetchone()
        assert row is not None
        return int(row[0])

    until(lambda: limit() == 9, running)
    code, workers = status(copied)
    assert code == 0
    for name in ("follower", "listener"):
        assert (workers[name]["state"], workers[name]["healthy"], workers[name]["running"]) == ("streaming", True, True)
        assert {"position", "lag_seconds", "rows_per_second", "last_error"} <= workers[name]["details"].keys()
    table = copied.lockstep("status").stdout
    assert "streaming" in table
    assert "position: " in table
    assert {f"process: {pid} on {socket.gethostname()}" in table for pid in running.children()} == {True}
    code, seconds = running.end()
    assert (code, seconds < PROMISED) == (0, True), running.said()
    code, workers = status(copied)
    assert code == exit_codes.UNHEALTHY
    assert {one["state"] for one in workers.values()} == {"stopped"}


def test_a_pause_holds_changes_back_and_outlives_a_restart(copied: Site, start: Start) -> None:
    """Until resume; status tells a pause from health, for nothing is carried."""
    running = start("run")
    until(lambda: streaming(running), running)
    assert copied.lockstep("pause", "follower").stdout == "follower: paused\n"
    until(lambda: running.states("follower")[-1] == "paused", running)
    insert_account(copied, A)
    code, workers = status(copied)
    assert code == exit_codes.UNHEALTHY
    assert (workers["follower"]["state"], workers["listener"]["state"]) == ("paused", "streaming")
    assert (workers["follower"]["running"], workers["follower"]["hint"]) == (True, "lockstep resume")
    running.end()
    again = start("run")
    until(lambda: again.states("follower")[-1:] == ["paused"], again)
    until(lambda: again.states("listener")[-1:] == ["streaming"], again)
    accounts = copied.mongo("app")["accounts"]
    assert accounts.find_one({"_id": ObjectId(A)}) is None
    assert copied.lockstep("resume").stdout == "follower: resumed\nlistener: resumed\n"
    until(lambda: accounts.find_one({"_id": ObjectId(A)}) is not None, again)


def test_a_pause_of_what_does_not_run_is_refused(copied: Site) -> None:
    """At once, and leaves nothing behind that would be done later."""
    done = copied.lockstep("pause", check=False)
    assert done.returncode == exit_codes.ERROR
    assert done.stderr.startswith("error: not running: follower, listener; nothing was asked\nhint: ")
    with copied.mysql("app").cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM sync_command")
        assert cursor.fetchone() == (0,)


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        ("repair", {"collection": "accounts", "id": "no ObjectId"}),
        ("repair", {"collection": "accounts", "id": "?no key of any document"}),
        ("repair", {"collection": "clients", "id": A}),
        ("repair", {}),
        ("dance", {}),
    ],
)
def test_a_request_that_cannot_be_done_ends_no_worker(
    copied: Site, start: Start, kind: str, arguments: dict[str, str]
) -> None:
    """It is refused with its reason: left behind, it would end every start."""
    running = start("run")
    until(lambda: streaming(running), running)
    with copied.mysql("app").cursor() as cursor:
        for worker in ("follower", "listener"):
            cursor.execute(
                "INSERT INTO sync_command (worker, kind, arguments, requested_by, requested_at, state)"
                " VALUES (%s, %s, %s, 'Mallory', NOW(6), 'requested')",
                (worker, kind, json.dumps(arguments)),
            )

    def done() -> set[str]:
        with copied.mysql("app").cursor() as cursor:
            cursor.execute("SELECT state FROM sync_command")
            return {str(row[0]) for row in cursor.fetchall()}

    until(lambda: not done() & {"requested", "running"}, running)
    assert streaming(running), running.said()
    assert running.popen.poll() is None


def test_a_worker_that_waits_for_a_lock_says_so(copied: Site, start: Start) -> None:
    """It is well and told to be late, with the reason; it still does what it is asked, and goes on once it can."""
    insert_account(copied, A)
    running = start("run")
    until(lambda: streaming(running), running)
    accounts = copied.mongo("app")["accounts"]
    until(lambda: accounts.find_one({"_id": ObjectId(A)}) is not None, running)
    application = copied.mysql("app")
    application.begin()
    with application.cursor() as cursor:
        cursor.execute("SELECT 1 FROM analytics_account WHERE id = %s FOR UPDATE", (A,))
    accounts.update_one({"_id": ObjectId(A)}, {"$set": {"limit": 9}})
    until(lambda: running.states("listener")[-1] == "catching_up", running)
    code, workers = status(copied)
    assert code == 0
    assert "stood in each other's way" in workers["listener"]["reason"]
    assert copied.lockstep("pause", "listener").stdout == "listener: paused\n"
    until(lambda: running.states("listener")[-1] == "paused", running)
    application.rollback()
    copied.lockstep("resume", "listener")

    def arrived() -> bool:
        application.rollback()
        with application.cursor() as cursor:
            return cursor.execute("SELECT 1 FROM analytics_account WHERE id = %s AND `limit` = 9", (A,)) == 1

    until(arrived, running)
    until(lambda: running.states("listener")[-1] == "streaming", running)


def test_a_second_copy_leaves_the_telling_to_the_first(copied: Site, start: Start) -> None:
    """It waits as `starting`, which only its own lines say, also when it ends; and takes over once the first is gone."""
    first = start("run")
    until(lambda: streaming(first), first)

    def told() -> list[str]:
        with copied.mysql("app").cursor() as cursor:
            cursor.execute("SELECT state FROM sync_timeline WHERE worker = 'listener' ORDER BY id")
            return [str(row[0]) for row in cursor.fetchall()]

    before = told()
    second = start("listen")
    until(lambda: "held by process" in second.said(), second)
    assert second.end()[0] == 0
    assert second.states("listener") == ["starting", "starting", "stopped"]
    assert told() == before
    third = start("listen")
    until(lambda: third.states("listener")[-1:] == ["starting"], third)
    first.end()
    until(lambda: third.states("listener")[-1:] == ["streaming"], third)
    assert told()[-1] == "streaming"


def in_mysql(site: Site, key: str) -> bool:
    """Whether an account has arrived there."""
    with site.mysql("app").cursor() as cursor:
        return cursor.execute("SELECT id FROM analytics_account WHERE id = %s", (key,)) == 1


def test_one_worker_goes_on_when_the_other_stops(copied: Site, start: Start) -> None:
    """Run and status name the state and what helps; in the end run's exit code tells."""
    running = start("run")
    until(lambda: streaming(running), running)
    with copied.mysql("admin").cursor() as cursor:
        cursor.execute("SET binlog_format = 'STATEMENT'")
        cursor.execute("DELETE FROM analytics_account WHERE id = 'none'")
    until(lambda: "lockstep follow ended with exit code 3; the other worker goes on" in running.said(), running)
    assert running.states("follower")[-1] == "statement_in_binlog"
    copied.mongo("app")["accounts"].insert_one({"_id": ObjectId(B), "account_id": 1, "limit": 2, "products": []})
    until(lambda: in_mysql(copied, B), running)
    code, workers = status(copied)
    assert code == exit_codes.UNHEALTHY
    assert (workers["follower"]["state"], workers["follower"]["healthy"]) == ("statement_in_binlog", False)
    assert "lockstep bootstrap" in workers["follower"]["hint"]
    assert workers["listener"]["healthy"]
    assert running.end()[0] == exit_codes.UNHEALTHY


def test_workers_end_with_run(copied: Site, start: Start) -> None:
    """However it ends: nobody would look after them."""
    running = start("run")
    until(lambda: streaming(running), running)
    children = running.children()
    assert len(children) == 2
    running.popen.kill()
    until(lambda: not any(_runs(pid) for pid in children), running, seconds=PROMISED)


def _runs(pid: int) -> bool:
    """A zombie that nobody collects in this container does not."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_killed_worker_is_started_again(copied: Site, start: Start) -> None:
    """Nobody else would; it says by what it was killed, and goes on where it was."""
    running = start("run")
    until(lambda: streaming(running), running)
    for pid in running.children():
        os.kill(pid, signal.SIGKILL)
    until(lambda: "lockstep follow was killed by signal 9; it is started again in" in running.said(), running)
    until(lambda: all(running.states(name).count("streaming") == 2 for name in ("follower", "listener")), running)
    copied.mongo("app")["accounts"].insert_one({"_id": ObjectId(B), "account_id": 1, "limit": 2, "products": []})
    until(lambda: in_mysql(copied, B), running)
    assert running.end()[0] == exit_codes.OK


@pytest.mark.parametrize(("command", "worker"), [("follow", "follower"), ("listen", "listener")])
def test_a_worker_without_a_first_copy_stops_in_a_named_state(
    site: Site, start: Start, command: str, worker: str
) -> None:
    """With a stable key in the line, the reason, and the command that helps."""
    site.setup()
    running = start(command)
    assert running.popen.wait(30) == exit_codes.UNHEALTHY
    last = running.said().splitlines()[-1]
    assert f" {worker} action=state state=no_position reason='the first copy has not been made'" in last
    assert "hint='lockstep bootstrap --from mysql|mongo'" in last


def test_a_worker_without_its_connection_says_which(site: Site, start: Start) -> None:
    """By the variable, as its state, without a traceback."""
    running = start("follow", LOCKSTEP_FOLLOWER_MYSQL_URL="")
    assert running.popen.wait(30) == exit_codes.UNHEALTHY
    assert "state=failed reason='LOCKSTEP_FOLLOWER_MYSQL_URL is not set'" in running.said()
    assert "Traceback" not in running.said()


@pytest.mark.parametrize(("command", "worker"), [("follow", "follower"), ("listen", "listener")])
def test_a_mapping_to_a_missing_column_pauses_its_collection(
    copied: Site, start: Start, tmp_path: Path, command: str, worker: str
) -> None:
    """Before the first row is carried that one could not; the worker carries the others."""
    other = tmp_path / "other.toml"
    other.write_text(copied.config_path.read_text().replace('column = "username"', 'column = "user_name"'))
    running = start(command, "--config", str(other))
    until(lambda: running.states(worker)[-1:] == ["streaming"], running)
    shown = json.loads(copied.lockstep("status", "--json", check=False).stdout)
    (told,) = shown["collections"]
    assert (told["name"], told["state"], shown["healthy"]) == ("customers", "paused", False)
    assert told["reason"] == "analytics_customer: column user_name does not exist"
    assert "lockstep doctor" in told["hint"]


@pytest.mark.parametrize("server", ["mysql", "mongo"])
def test_a_worker_that_is_refused_says_so_once(copied: Site, start: Start, server: str) -> None:
    """As its state, with where the password is set; the password is not repeated."""
    url = copied.mysql_url("follower") if server == "mysql" else copied.mongo_url("follower")
    running = start("follow", **{f"LOCKSTEP_FOLLOWER_{server.upper()}_URL": url.replace("_follower:", "_follower:not")})
    assert running.popen.wait(30) == exit_codes.UNHEALTHY
    assert running.states("follower") == ["starting", "failed"]
    assert len(running.said().splitlines()) == 2, running.said()
    assert f"LOCKSTEP_<ROLE>_{server.upper()}_URL" in running.said()
    assert url.split(":")[2].split("@")[0] not in running.said()


def test_a_worker_waits_for_a_server_and_still_ends_in_time(copied: Site, start: Start) -> None:
    """The state names the server; SIGTERM is heard meanwhile."""
    url = copied.mysql_url("follower")
    head, tail = url.split("@127.0.0.1:")
    running = start("follow", LOCKSTEP_FOLLOWER_MYSQL_URL=f"{head}@127.0.0.1:{free_port()}/{tail.split('/', 1)[1]}")
    until(lambda: running.states("follower")[-1:] == ["waiting_for_mysql"], running)
    code, seconds = running.end()
    assert (code, seconds < PROMISED) == (0, True), running.said()


def test_a_worker_ends_in_time_though_its_server_hangs(copied: Site, start: Start) -> None:
    """Whatever it waits for then; what it left undone its successor finds by the checkpoint."""
    running = start("follow")
    until(lambda: running.states("follower")[-1:] == ["streaming"], running)
    with copied.hanging_mysql():
        code, seconds = running.end()
    assert (code, seconds < PROMISED) == (0, True), running.said()
    again = start("follow")
    until(lambda: again.states("follower")[-1:] == ["streaming"], again)
