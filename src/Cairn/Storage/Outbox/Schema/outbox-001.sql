-- What was acknowledged and is, or was lately, to be delivered. Kinds are numbered: 0 requests, 1 events.

-- Who this outbox is, made once: a writer's number belongs to one outbox.
CREATE TABLE identity (
    id TEXT NOT NULL
);

-- Records as they were acknowledged together, in the form in which they are delivered.
CREATE TABLE pieces (
    kind    INTEGER NOT NULL,
    last    INTEGER NOT NULL, -- position
    first   INTEGER NOT NULL,
    least   INTEGER NOT NULL, -- of their times, in milliseconds
    most    INTEGER NOT NULL,
    at      INTEGER NOT NULL, -- when they were acknowledged
    checked INTEGER NOT NULL, -- 0 when the store could not be asked whether it knows them
    ids     BLOB NOT NULL,    -- the hash of each identity, with time and position
    fates   BLOB NOT NULL,    -- what they say about the existence of things
    rows    BLOB NOT NULL,
    PRIMARY KEY (kind, last)
);

-- Up to which position the store has everything, and since when: one row for each delivery within the replay window.
CREATE TABLE delivered (
    kind INTEGER NOT NULL,
    last INTEGER NOT NULL,
    at   INTEGER NOT NULL,
    PRIMARY KEY (kind, last)
) WITHOUT ROWID;

-- What is being delivered. After a crash the store is asked how much of it arrived.
CREATE TABLE attempts (
    kind  INTEGER PRIMARY KEY,
    last  INTEGER NOT NULL,
    query TEXT NOT NULL
);

-- Positions that were given and are not in the store: duplicates that could not be told at once (no record), and
-- records whose identity the store has with other content (kept here).
CREATE TABLE aside (
    kind     INTEGER NOT NULL,
    position INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    record   BLOB,
    PRIMARY KEY (kind, position)
) WITHOUT ROWID;

-- Records that retention removed: before a time (and, at that time, before a position), as far as they had been
-- recorded when it ran. The store drops whole days; until then readers pass over them.
CREATE TABLE cuts (
    kind     INTEGER NOT NULL,
    ms       INTEGER NOT NULL,
    position INTEGER NOT NULL,
    through  INTEGER NOT NULL,
    PRIMARY KEY (kind, ms, position)
) WITHOUT ROWID;

-- Requests under way: what is known of each when it begins, as JSON. The transaction that stores the record removes the row.
CREATE TABLE starts (
    request_id TEXT PRIMARY KEY,
    record     TEXT NOT NULL
) WITHOUT ROWID;
