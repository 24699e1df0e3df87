"""The demo without a person: one edit each way on a throw-away installation, measured, verified, told as one value."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bson import ObjectId

from deploy.local.demo import LOCKSTEP, LOGINS, Demo, stopping
from deploy.local.installation import DATABASE, Installation
from deploy.local.paths import ROOT
from deploy.local.problem import LocalProblem
from deploy.local.users import Role
from deploy.local.web_session import WebSession

#: Seconds that an edit is given to reach the other side.
PATIENCE = 60.0
COLLECTIONS = ("customers", "accounts", "transactions")


def once(customers: int) -> dict[str, object]:
    """Seed, copy, edit on both sides, wait, verify, stop. Raises LocalProblem where any of it fails."""
    with tempfile.TemporaryDirectory(prefix="lockstep-once-") as folder:
        demo = Demo(Installation(Path(folder)), customers=customers, quiet=True)
        with stopping(demo):
            demo.start()
            return _measure(demo)


def _measure(demo: Demo) -> dict[str, object]:
    here = demo.installation
    assert here.mysql is not None
    assert here.mongo is not None
    first, second = _two_customers(here)
    to_mongo = _rest_edit(demo, first)
    to_mysql = _mongo_edit(here, second)
    verify = _verify(here)
    documents, rows = _counts(here)
    program = here.mysql.program
    return {
        "mysql_to_mongo_ms": round(to_mongo * 1000, 1),
        "mongo_to_mysql_ms": round(to_mysql * 1000, 1),
        "documents": documents,
        "rows": rows,
        "verify": verify,
        "server": {program.flavour.value: program.version, "mongodb": here.mongo.program.version},
    }


def _two_customers(here: Installation) -> tuple[str, str]:
    with here.open_mysql(Role.APP) as mysql, mysql.cursor() as cursor:
        cursor.execute("SELECT id FROM analytics_customer ORDER BY id LIMIT 2")
        found = [str(row[0]) for row in cursor.fetchall()]
    if len(found) != 2:
        raise LocalProblem("the seed made fewer than two customers")
    return found[0], found[1]


def _rest_edit(demo: Demo, customer: str) -> float:
    """An edit by a logged in person; seconds from its answer until the document shows it."""
    here = demo.installation
    session = WebSession(demo.address)
    session.log_in(LOGINS[1], here.demo_password_file.read_text())
    with here.open_mongo(Role.APP) as client:
        documents = client[DATABASE]["customers"]
        session.patch(f"/api/v1/customers/{customer}/", {"name": "Edited through REST"})
        return _seconds_until(
            lambda: documents.count_documents({"_id": ObjectId(customer), "name": "Edited through REST"}) == 1,
            "the edit through REST did not reach MongoDB",
        )


def _mongo_edit(here: Installation, customer: str) -> float:
    """An edit by the application's MongoDB user; seconds from its acknowledgement until the row shows it."""
    with here.open_mysql(Role.APP) as mysql, mysql.cursor() as cursor, here.open_mongo(Role.APP) as client:
        wanted = {"$set": {"name": "Edited in MongoDB"}}
        if client[DATABASE]["customers"].update_one({"_id": ObjectId(customer)}, wanted).modified_count != 1:
            raise LocalProblem("the first copy left a customer out")
        query = "SELECT 1 FROM analytics_customer WHERE id = %s AND name = %s"
        return _seconds_until(
            lambda: cursor.execute(query, (customer, "Edited in MongoDB")) == 1,
            "the edit in MongoDB did not reach MySQL",
        )


def _seconds_until(crossed: Callable[[], bool], otherwise: str) -> float:
    started = time.monotonic()
    while not crossed():
        if time.monotonic() - started > PATIENCE:
            raise LocalProblem(f"{otherwise} within {PATIENCE:.0f} s")
        time.sleep(0.002)
    return time.monotonic() - started


def _verify(here: Installation) -> dict[str, object]:
    done = subprocess.run(
        [*LOCKSTEP, "verify", "--json"],
        env=here.environment(*Role),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        found = json.loads(done.stdout)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise LocalProblem(f"lockstep verify failed (exit {done.returncode}): {done.stderr.strip()}")
    if done.returncode:
        raise LocalProblem(f"the sides differ: {json.dumps(found)}")
    return found


def _counts(here: Installation) -> tuple[int, int]:
    """Documents in MongoDB, rows of the domain in MySQL."""
    with here.open_mongo(Role.APP) as client:
        documents = sum(client[DATABASE][name].count_documents({}) for name in COLLECTIONS)
    with here.open_mysql(Role.APP) as mysql, mysql.cursor() as cursor:
        cursor.execute(r"SHOW TABLES LIKE 'analytics\_%'")
        rows = 0
        for table in [str(row[0]) for row in cursor.fetchall()]:
            cursor.execute(f"SELECT COUNT(*) FROM `{table}`")
            counted = cursor.fetchone()
            rows += int(counted[0]) if counted else 0
    return documents, rows
