"""The MySQL and MariaDB side: a source (binlog), a target, the engine's state. Never imports `sync.mongo`."""
