"""The domain's tables as Django's migrations make them on a server, as statements that can be run again cheaply."""

from __future__ import annotations

import os
import subprocess
import sys

from deploy.local.mysql_binary import Flavour
from deploy.local.paths import ROOT
from deploy.local.users import Role, mysql_url, open_mysql_database
from tests.servers import Servers

DATABASE = "lockstepmodel"
#: Parents before children.
TABLES = (
    "analytics_customer",
    "analytics_customeraccount",
    "analytics_customertier",
    "analytics_customerbenefit",
    "analytics_account",
    "analytics_accountproduct",
    "analytics_bucket",
    "analytics_transaction",
)


def create_statements(servers: Servers, flavour: Flavour) -> tuple[str, ...]:
    """Migrate a database as the owner does, and read back what it made."""
    server = servers.mysql(flavour)
    url = mysql_url(Role.OWNER, servers.passwords[Role.OWNER], server.port, DATABASE)
    with server.admin() as admin, admin.cursor() as cursor:
        open_mysql_database(admin, DATABASE)
        _migrate(url)
        statements = []
        for table in TABLES:
            cursor.execute(f"SHOW CREATE TABLE `{DATABASE}`.`{table}`")
            row = cursor.fetchone()
            assert row is not None
            statements.append(str(row[1]))
        cursor.execute(f"DROP DATABASE `{DATABASE}`")
    return tuple(statements)


def _migrate(url: str) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("LOCKSTEP_")}
    done = subprocess.run(
        [sys.executable, "backend/manage.py", "migrate", "analytics", "--verbosity=0"],
        env=environ | {"LOCKSTEP_DJANGO_ROLE": "owner", "LOCKSTEP_OWNER_MYSQL_URL": url},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"migrate: {done.stdout}{done.stderr}"
