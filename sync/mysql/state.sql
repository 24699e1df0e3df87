-- The engine's tables. JSON stands in LONGTEXT, for both families read that from the binlog alike.

-- name: sync_checkpoint
CREATE TABLE IF NOT EXISTS sync_checkpoint (
    name VARCHAR(16) NOT NULL PRIMARY KEY,
    seq BIGINT NOT NULL,
    lease VARCHAR(36) NOT NULL,
    holder LONGTEXT NOT NULL,
    position LONGTEXT NULL,
    rows_done BIGINT NOT NULL,
    seen LONGTEXT NULL,
    known LONGTEXT NOT NULL,
    copied LONGTEXT NOT NULL,
    copying BOOL NOT NULL,
    renewed_at DATETIME(6) NOT NULL,
    lease_until DATETIME(6) NOT NULL
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin

-- name: sync_conflict
CREATE TABLE IF NOT EXISTS sync_conflict (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    collection VARCHAR(255) NOT NULL,
    document_id VARCHAR(768) NOT NULL,
    state VARCHAR(16) NOT NULL,
    open_key CHAR(64) NULL UNIQUE,
    look_id BIGINT NULL,
    met BIGINT NULL,
    version BIGINT NOT NULL,
    KEY sync_conflict_document (collection (64), document_id (191)),
    KEY sync_conflict_state (state)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin

-- name: sync_conflict_detail
CREATE TABLE IF NOT EXISTS sync_conflict_detail (
    conflict_id BIGINT NOT NULL PRIMARY KEY,
    kind VARCHAR(32) NOT NULL,
    side VARCHAR(8) NOT NULL,
    reason TEXT NOT NULL,
    mysql_value LONGTEXT NULL,
    mongo_value LONGTEXT NULL,
    mysql_notes LONGTEXT NULL,
    mongo_notes LONGTEXT NULL,
    policy VARCHAR(32) NULL,
    looks INT NOT NULL DEFAULT 0,
    decided_by BIGINT NULL,
    look LONGTEXT NULL,
    fields LONGTEXT NULL,
    losers LONGTEXT NULL,
    base LONGTEXT NULL,
    waiting_for TEXT NULL,
    blockers LONGTEXT NULL,
    chosen VARCHAR(8) NULL,
    rulings LONGTEXT NULL,
    questions LONGTEXT NULL,
    asked_at DATETIME(6) NULL,
    tried_again BOOL NOT NULL DEFAULT FALSE,
    opened_at DATETIME(6) NOT NULL,
    noted_at DATETIME(6) NOT NULL,
    looked_at DATETIME(6) NULL,
    closed_at DATETIME(6) NULL,
    resolution LONGTEXT NULL,
    KEY sync_conflict_detail_closed (closed_at)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin

-- name: sync_intended
CREATE TABLE IF NOT EXISTS sync_intended (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    told LONGTEXT NOT NULL
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin

-- name: sync_trigger
CREATE TABLE IF NOT EXISTS sync_trigger (
    table_name VARCHAR(64) NOT NULL PRIMARY KEY
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin

-- name: sync_collection
CREATE TABLE IF NOT EXISTS sync_collection (
    name VARCHAR(255) NOT NULL PRIMARY KEY,
    state VARCHAR(16) NOT NULL,
    side VARCHAR(8) NOT NULL,
    reason TEXT NOT NULL,
    whole BOOL NOT NULL,
    committed_at BIGINT NOT NULL,
    position LONGTEXT NOT NULL,
    version BIGINT NOT NULL,
    since DATETIME(6) NOT NULL
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin

-- name: sync_command
CREATE TABLE IF NOT EXISTS sync_command (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    worker VARCHAR(16) NOT NULL,
    kind VARCHAR(32) NOT NULL,
    arguments LONGTEXT NOT NULL,
    requested_by VARCHAR(254) NOT NULL,
    requested_at DATETIME(6) NOT NULL,
    state VARCHAR(16) NOT NULL,
    result LONGTEXT NULL,
    finished_at DATETIME(6) NULL,
    KEY sync_command_waiting (worker, state, id)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin

-- name: sync_worker
CREATE TABLE IF NOT EXISTS sync_worker (
    name VARCHAR(16) NOT NULL PRIMARY KEY,
    state VARCHAR(32) NOT NULL,
    reason TEXT NOT NULL,
    hint TEXT NOT NULL,
    since DATETIME(6) NOT NULL,
    reported_at DATETIME(6) NOT NULL,
    details LONGTEXT NOT NULL
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin

-- name: sync_timeline
CREATE TABLE IF NOT EXISTS sync_timeline (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    worker VARCHAR(16) NOT NULL,
    at DATETIME(6) NOT NULL,
    state VARCHAR(32) NOT NULL,
    reason TEXT NOT NULL,
    KEY sync_timeline_at (worker, at)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
