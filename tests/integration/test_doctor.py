"""What `lockstep doctor` finds on real servers: each problem once, with its fix, and nothing is changed."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from pymongo import MongoClient
from pymongo.errors import PyMongoError
from pymysql.connections import Connection
from pymysql.cursors import Cursor

from deploy.local import mongo_binary, mysql_server
from deploy.local.mongo_server import Document
from deploy.local.mysql_binary import Flavour
from deploy.local.paths import ROOT
from deploy.local.processes import free_port, start, wait_until
from deploy.local.users import READS_BINLOG, Role, create_mongo_users
from sync.config import load_config
from sync.model.report import Finding, Level
from sync.mongo import preflight
from sync.mongo.server import MongoSettings
from tests.collations import EXACT
from tests.servers import Servers
from tests.site import LOCKSTEP, Site

PROBLEMS_FOUND = 4


def doctor(site: Site, **environ: str) -> tuple[int, dict[str, list[str]]]:
    """Exit code, and what is not well: subject -> messages. Each names its fix."""
    done = subprocess.run(
        [str(LOCKSTEP), "--config", str(site.config_path), "doctor", "--json"],
        env=site.process_environment() | environ,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert not done.stderr
    findings = json.loads(done.stdout)
    bad = [one for one in findings if one["level"] != "ok"]
    assert not [one for one in bad if not one["fix"]]
    assert done.returncode == (PROBLEMS_FOUND if any(one["level"] == "problem" for one in bad) else 0)
    return done.returncode, by_subject(bad)


def by_subject(findings: list[Mapping[str, str]]) -> dict[str, list[str]]:
    told: dict[str, list[str]] = {}
    for one in findings:
        if one["subject"] != "mysql: binlog kept for":  # MariaDB keeps it for ever unless told otherwise
            told.setdefault(one["subject"], []).append(f"{one['level']}: {one['message']}")
    return told


def run(connection: Connection[Cursor], *statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def without_foreign_keys(connection: Connection[Cursor], table: str) -> None:
    """They forbid changes of key and engine."""
    run(connection, f"CREATE TABLE bare LIKE {table}", f"DROP TABLE {table}", f"RENAME TABLE bare TO {table}")


def test_a_sound_installation(site: Site) -> None:
    """Nothing to mend; the plain form says ok for each thing it looked at."""
    site.setup()
    assert doctor(site) == (0, {})
    lines = site.lockstep("doctor").stdout.splitlines()
    for subject in ("mysql: binlog_row_image", "mysql: clock", "mongo: authentication", "mongo: change stream"):
        assert any(line.startswith(f"ok       {subject}: ") for line in lines)


def test_before_setup(site: Site) -> None:
    """All that setup makes is missing, setup is the remedy, and asking makes nothing."""
    _, found = doctor(site)
    assert found["mysql: the engine's tables"][0].startswith("problem: missing: sync_checkpoint")
    for role in ("app", "follower", "listener"):
        assert found[f"mysql: privileges of {role}"][0].startswith("problem: too few on ")
        assert found[f"mongo: privileges of {role}"][0].startswith("problem: lacking: ")
    for name in ("customers", "accounts", "transactions", "sync_checkpoint"):
        assert found[f"mongo: {name}"] == ["problem: does not exist"]
    assert site.mongo("admin").list_collection_names() == []
    site.setup()
    assert doctor(site) == (0, {})


@contextmanager
def global_settings(admin: Connection[Cursor], settings: Mapping[str, str | int]) -> Iterator[None]:
    """For sessions that begin meanwhile; afterwards as before."""
    with admin.cursor() as cursor:
        before = {}
        for name in settings:
            cursor.execute(f"SELECT @@GLOBAL.{name}")
            row = cursor.fetchone()
            assert row is not None
            before[name] = row[0]
        try:
            for name, value in settings.items():
                cursor.execute(f"SET GLOBAL {name} = %s", (value,))
            yield
        finally:
            for name, was in before.items():
                cursor.execute(f"SET GLOBAL {name} = %s", (was,))


def test_settings_of_the_binlog(site: Site) -> None:
    """Each one under which rows would be missing or unreadable is named with what it is and what it must be."""
    site.setup()
    settings = {"binlog_format": "STATEMENT", "binlog_row_image": "MINIMAL", "binlog_row_metadata": "MINIMAL"}
    with global_settings(site.mysql("admin"), settings):
        _, found = doctor(site)
    assert found == {
        "mysql: binlog_format": ["problem: is STATEMENT, ROW is needed"],
        "mysql: binlog_row_image": ["problem: is MINIMAL, FULL is needed"],
        "mysql: binlog_row_metadata": ["problem: is MINIMAL, FULL is needed"],
    }


def test_a_mysql_without_a_binlog(
    site: Site,
    flavour: Flavour,
    domain_tables: dict[Flavour, tuple[str, ...]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One finding, whatever else depends on the binlog; a first copy refuses too."""
    monkeypatch.setattr(mysql_server, "BINLOG", ("--server-id=1", "--skip-log-bin"))
    monkeypatch.setattr(mysql_server, "GTID", ())
    servers = Servers()
    try:
        plain = Site(servers, flavour, domain_tables[flavour])
        plain.setup()
        _, found = doctor(plain)
        refused = plain.lockstep("bootstrap", "--from", "mysql", check=False)
        plain.close()
    finally:
        servers.close()
    assert found == {"mysql: log_bin": ["problem: is OFF: without a binlog no change can be followed"]}
    assert refused.returncode == 1
    assert "error: " in refused.stderr
    assert "--log-bin" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_servers_that_are_stopped(site: Site) -> None:
    """One finding a server, soon, not one for each role."""
    site.setup()
    port = free_port()
    urls = {f"LOCKSTEP_{role.name}_MYSQL_URL": _moved(site.mysql_url(role), port) for role in Role}
    urls |= {f"LOCKSTEP_{role.name}_MONGO_URL": _moved(site.mongo_url(role), port) for role in Role}
    _, found = doctor(site, **urls)
    assert found.keys() == {"mysql: server", "mongo: server"}
    assert found["mysql: server"][0].startswith("problem: MySQL cannot be reached")
    assert found["mongo: server"][0].startswith("problem: MongoDB cannot be reached")


def _moved(url: str, port: int) -> str:
    head, tail = url.split("@127.0.0.1:")
    return f"{head}@127.0.0.1:{port}/{tail.split('/', 1)[1]}"


def test_a_wrong_password(site: Site) -> None:
    """Is that role's finding; the password is not repeated."""
    site.setup()
    mysql, mongo = site.mysql_url("app"), site.mongo_url("listener")
    password = mysql.split(":")[2].split("@")[0]
    _, found = doctor(
        site,
        LOCKSTEP_APP_MYSQL_URL=mysql.replace(password, "mistaken"),
        LOCKSTEP_LISTENER_MONGO_URL=mongo.replace(mongo.split(":")[2].split("@")[0], "mistaken"),
    )
    assert found == {
        "mysql: app": ["problem: MySQL refuses this user (error 1045)"],
        "mongo: listener": ["problem: MongoDB refuses this user (error 18)"],
    }


def test_privileges_in_mysql(site: Site) -> None:
    """Too few for the work, and enough to write what only a worker may write."""
    site.setup()
    admin = site.mysql("admin")
    name, app, listener = site.database, Role.APP.user, Role.LISTENER.user
    run(
        admin,
        f"GRANT UPDATE ON `{name}`.sync_checkpoint TO '{app}'@'%'",
        f"REVOKE SELECT ON `{name}`.analytics_account FROM '{Role.FOLLOWER.user}'@'%'",
        f"GRANT INSERT, DELETE ON `{name}`.* TO '{listener}'@'%'",
        f"REVOKE ALL PRIVILEGES ON `{name}`.* FROM '{Role.OWNER.user}'@'%'",
        f"GRANT ALL PRIVILEGES ON `{name}`.* TO '{Role.OWNER.user}'@'%'",
        f"REVOKE GRANT OPTION ON `{name}`.* FROM '{Role.OWNER.user}'@'%'",
    )
    _, found = doctor(site)
    assert found == {
        "mysql: privileges of owner": ["problem: too few to set the engine up"],
        "mysql: privileges of app": ["problem: may UPDATE sync_checkpoint"],
        "mysql: privileges of follower": ["problem: too few on analytics_account"],
        "mysql: privileges of listener": ["problem: DELETE, INSERT on every table, the engine's too"],
    }


def test_privileges_on_the_binlog(site: Site) -> None:
    """Whether the follower may read it, and whether an application may leave it."""
    site.setup()
    admin = site.mysql("admin")
    reads, follower = READS_BINLOG[site.flavour], f"'{Role.FOLLOWER.user}'@'%'"
    switches = "SESSION_VARIABLES_ADMIN" if site.flavour is Flavour.MYSQL else "BINLOG ADMIN"
    run(
        admin,
        f"REVOKE {reads.split(', ')[0]} ON *.* FROM {follower}",
        f"GRANT {switches} ON *.* TO '{Role.APP.user}'@'%'",
    )
    try:
        _, found = doctor(site)
    finally:
        run(
            admin,
            f"GRANT {reads} ON *.* TO {follower}",
            f"REVOKE {switches} ON *.* FROM '{Role.APP.user}'@'%'",
        )
    leave = "a session of it may leave the binlog or write it in another format"
    assert found == {
        "mysql: follower": ["problem: may not read the binlog"],
        "mysql: privileges of app": [f"warning: {switches}: {leave}"],
    }


def test_privileges_in_mongodb(site: Site) -> None:
    """The same there, and what the listener cannot open."""
    site.setup()
    owned = site.mongo("admin")
    owned.command("grantRolesToUser", Role.APP.user, roles=[{"role": "readWrite", "db": site.database}])
    owned.command("revokeRolesFromUser", Role.LISTENER.user, roles=["lockstep_listener"])
    owned.command("revokeRolesFromUser", Role.FOLLOWER.user, roles=["lockstep_follower"])
    _, found = doctor(site)
    assert found.keys() == {
        *(f"mongo: privileges of {role}" for role in ("app", "listener", "follower")),
        "mongo: change stream",
    }
    assert found["mongo: privileges of app"] == ["problem: may insert, remove, update in sync_checkpoint"]
    assert found["mongo: privileges of listener"][0].startswith("problem: lacking: changeStream on the database")
    assert "update on sync_checkpoint" in found["mongo: privileges of follower"][0]
    assert found["mongo: change stream"] == [
        "problem: the listener cannot open it: MongoDB refuses this user (error 13)"
    ]


def test_an_account_for_two_roles(site: Site) -> None:
    """The follower's writes are told by their account."""
    site.setup()
    _, found = doctor(site, LOCKSTEP_APP_MONGO_URL=site.mongo_url("follower"))
    assert found["mongo: accounts"] == [
        "problem: the follower and app share the account lockstep_follower: the listener reads all that it writes"
    ]


def test_a_mapping_to_what_is_not_there(site: Site, tmp_path: Path) -> None:
    """A missing column and a missing table, each by name."""
    site.setup()
    text = site.config_path.read_text()
    site.config_path = tmp_path / "lockstep.toml"
    site.config_path.write_text(
        text.replace('column = "email"', 'column = "mail"').replace("analytics_accountproduct", "analytics_goods")
    )
    _, found = doctor(site)
    assert found["mysql: mapping"] == [
        "problem: analytics_customer: column mail does not exist",
        "problem: table analytics_goods does not exist",
    ]


def test_columns_that_cannot_be_carried(site: Site) -> None:
    """Other types, collations and NULLs than the mapping's, and keys that MySQL gives by itself."""
    site.setup()
    without_foreign_keys(site.mysql("owner"), "analytics_accountproduct")
    run(
        site.mysql("owner"),
        "ALTER TABLE analytics_customer"
        " MODIFY username VARCHAR(150) CHARACTER SET gbk NOT NULL,"
        f" MODIFY name VARCHAR(255) COLLATE {EXACT[site.flavour]} NULL",
        "ALTER TABLE analytics_customeraccount MODIFY position INT NOT NULL AUTO_INCREMENT, ADD KEY (position)",
        "ALTER TABLE analytics_account MODIFY account_id BIGINT NOT NULL",
        "ALTER TABLE analytics_accountproduct DROP PRIMARY KEY, ADD COLUMN id BIGINT AUTO_INCREMENT PRIMARY KEY,"
        " ADD COLUMN shelf INT NOT NULL, ADD COLUMN seen DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP",
    )
    _, found = doctor(site)
    told = "\n".join(found["mysql: mapping"])
    for part in (
        "analytics_customer.username: codec string: a character set among utf8mb4, utf8mb3,",
        "analytics_customer.name: it may be NULL",
        "analytics_customeraccount.position: MySQL gives it by itself (auto_increment), but it is a key",
        "analytics_account.account_id: codec int32: INT (signed) or a smaller one is needed, found bigint",
        "analytics_accountproduct: a primary or unique key of exactly account_oid, position is needed",
    ):
        assert part in told
    stays = "is not mapped: its values stay at their place when elements of the list move"
    assert found["mysql: analytics_accountproduct"] == [
        "problem: column shelf is NOT NULL without a default and not mapped: no document can be inserted",
        f"warning: column shelf {stays}",
        f"warning: column seen {stays}",
    ]


def test_a_table_with_rows_of_the_past(site: Site) -> None:
    """What MariaDB logs of a system-versioned table cannot be followed: doctor names it, and no first copy begins."""
    if site.flavour is Flavour.MYSQL:
        pytest.skip("MySQL has none")
    site.setup()
    run(site.mysql("owner"), "ALTER TABLE analytics_transaction ADD SYSTEM VERSIONING")
    code, found = doctor(site)
    assert code != 0
    (told,) = found["mysql: analytics_transaction"]
    assert told.startswith("problem: is system-versioned")
    refused = site.lockstep("bootstrap", "--from", "mysql", check=False)
    assert refused.returncode != 0
    assert "analytics_transaction: is system-versioned" in refused.stderr


def test_what_changes_rows_unseen(site: Site) -> None:
    """Triggers that setup has not noted, tables without transactions, and cascades where the server leaves them out of its
    binlog."""
    site.setup()
    without_foreign_keys(site.mysql("owner"), "analytics_accountproduct")
    run(
        site.mysql("admin"),
        "CREATE TRIGGER shout BEFORE INSERT ON analytics_account FOR EACH ROW SET NEW.account_id = 1",
        "ALTER TABLE analytics_accountproduct ENGINE = MyISAM",
        "ALTER TABLE analytics_transaction ADD CONSTRAINT drops FOREIGN KEY (bucket_id)"
        " REFERENCES analytics_bucket (id) ON DELETE CASCADE",
    )
    _, found = doctor(site)
    inside = "warning: foreign key drops cascades within the document: each cascade is settled by a look at both sides"
    cascades = {"mysql: analytics_transaction": [inside]}
    assert found == {
        "mysql: analytics_account": [
            "problem: trigger shout came after the last setup: what it writes of the listener's rows is not carried"
        ],
        "mysql: analytics_accountproduct": ["problem: storage engine MyISAM"],
        **(cascades if site.flavour is Flavour.MARIADB else {}),
    }


def test_what_mysql_writes_by_itself(site: Site) -> None:
    """Is carried, and named: columns, triggers that setup has noted, and a server that is not strict with applications."""
    run(
        site.mysql("admin"),
        "ALTER TABLE analytics_customer"
        " MODIFY birthdate DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3)",
        "CREATE TRIGGER shout BEFORE INSERT ON analytics_account FOR EACH ROW SET NEW.account_id = 1",
    )
    site.setup()
    with global_settings(site.mysql("admin"), {"sql_mode": "NO_ENGINE_SUBSTITUTION"}):
        assert doctor(site) == (0, {})
        lines = site.lockstep("doctor").stdout.splitlines()
    for line in (
        "ok       mysql: analytics_customer: MySQL writes by itself, and it is carried: birthdate (on update)",
        "ok       mysql: analytics_account: trigger shout: what it writes is carried",
        "ok       mysql: sql_mode: is not strict: what MySQL makes of a value that does not fit is what is carried",
    ):
        assert line in lines
    run(site.mysql("admin"), "DROP TRIGGER shout")
    dry = site.lockstep("setup", "--dry-run").stdout
    assert "note that analytics_account has none any more" in dry
    site.setup()
    assert "analytics_account has" not in site.lockstep("setup", "--dry-run").stdout


def test_what_may_refuse_a_document(site: Site) -> None:
    """Is said, for one side may hold what the other takes; it is no problem by itself."""
    site.setup()
    run(
        site.mysql("owner"),
        "ALTER TABLE analytics_account ADD UNIQUE KEY one (account_id)",
        "ALTER TABLE analytics_bucket ADD KEY (account_id),"
        " ADD CONSTRAINT leads FOREIGN KEY (account_id) REFERENCES analytics_account (account_id)",
    )
    owned = site.mongo("owner")
    owned["accounts"].create_index("account_id", unique=True)
    owned.command("collMod", "customers", validator={"email": {"$type": "string"}})
    code, found = doctor(site)
    assert code == 0
    assert found == {
        "mysql: analytics_account": ["warning: unique key over account_id: what it refuses is held"],
        "mysql: analytics_bucket": [
            "warning: foreign key leads leads to analytics_account, outside of the document: what it refuses is held"
        ],
        "mongo: accounts": ["warning: unique index account_id_1: documents that it refuses are held"],
        "mongo: validator of customers": ["warning: is not Lockstep's: documents that it refuses are held"],
    }


WORDS = """
[collections.words]
table = "word"
id = { column = "id", codec = "string" }

[collections.words.fields]
number = { column = "number", codec = "int32" }
"""


def test_a_collection_with_a_collation_of_its_own(site: Site, tmp_path: Path) -> None:
    """Its index over `_id` takes 'a' and 'A' for one key, where MySQL has two; keys that are no text it leaves apart."""
    run(
        site.mysql("owner"),
        f"CREATE TABLE word (id VARCHAR(20) COLLATE {EXACT[site.flavour]} PRIMARY KEY, number INT NOT NULL)",
    )
    text = site.config_path.read_text()
    site.config_path = tmp_path / "lockstep.toml"
    site.config_path.write_text(text + WORDS)
    site.setup()
    assert doctor(site) == (0, {})
    for name in ("words", "accounts"):
        site.mongo("owner").drop_collection(name)
        site.mongo("owner").create_collection(
            name, collation={"locale": "en", "strength": 2}, changeStreamPreAndPostImages={"enabled": True}
        )
    code, found = doctor(site)
    assert (code, found) == (
        PROBLEMS_FOUND,
        {"mongo: words": ["problem: its collation (en) may take different keys for one"]},
    )


def test_the_largest_statement(site: Site) -> None:
    """A server that takes only small ones is a warning."""
    site.setup()
    with global_settings(site.mysql("admin"), {"max_allowed_packet": 1 << 20}):
        assert doctor(site) == (
            0,
            {"mysql: max_allowed_packet": ["warning: 1 MB: a row that needs a larger statement is held"]},
        )


def test_a_collection_without_images(site: Site) -> None:
    """As after `mongorestore --drop`: found, and mended by setup."""
    site.setup()
    site.mongo("owner").command("collMod", "accounts", changeStreamPreAndPostImages={"enabled": False})
    _, found = doctor(site)
    assert found == {"mongo: accounts": ["problem: pre- and post-images are switched off"]}
    site.setup()
    assert doctor(site) == (0, {})


def mongo_findings(port: int, passwords: Mapping[Role, str]) -> dict[str, list[str]]:
    """What the look at a MongoDB of its own says."""
    mapping = load_config(ROOT / "lockstep.toml", {}).mapping
    url = f"127.0.0.1:{port}/lone?authSource=lone"
    roles = {str(role): MongoSettings.from_url(f"mongodb://{role.user}:{passwords[role]}@{url}") for role in Role}
    findings: list[Finding] = preflight.check(roles, mapping, None)
    told = [{"level": one.level, "subject": one.subject, "message": one.message} for one in findings]
    return by_subject([one for one in told if one["level"] != Level.OK])


def test_a_mongodb_without_authentication_and_replica_set(tmp_path: Path) -> None:
    """Started plainly, as on a developer's machine."""
    port = free_port()
    program = [str(mongo_binary.find().path), f"--dbpath={tmp_path}", f"--port={port}", "--nounixsocket"]
    process = start("mongod", [*program, "--wiredTigerCacheSizeGB=0.25"], log=tmp_path / "server.log")
    passwords = dict.fromkeys(Role, "open")
    try:
        wait_until(lambda: _can_make_users(port, passwords), process, seconds=60)
        found = mongo_findings(port, passwords)
    finally:
        process.stop()
    assert found["mongo: replica set"] == ["problem: a single server has no change streams and no transactions"]
    assert found["mongo: authentication"][0].startswith("problem: is off")
    assert found["mongo: change stream"][0].startswith("problem: the listener cannot open it")


def _can_make_users(port: int, passwords: Mapping[Role, str]) -> bool:
    with MongoClient[Document](f"mongodb://127.0.0.1:{port}", serverSelectionTimeoutMS=200) as client:
        try:
            create_mongo_users(client, "lone", passwords)
        except PyMongoError:
            return False
        return True
