-- How far each target of a push is, and how it stands.
CREATE TABLE push_targets (
    name             TEXT PRIMARY KEY,
    version          INTEGER NOT NULL,
    event_position   INTEGER NOT NULL,
    request_position INTEGER NOT NULL,
    removed          INTEGER NOT NULL,
    removed_told     INTEGER NOT NULL,
    succeeded_at     INTEGER,
    failing_since    INTEGER,
    problem          TEXT,
    refused          INTEGER NOT NULL,
    told             INTEGER NOT NULL
) WITHOUT ROWID;
