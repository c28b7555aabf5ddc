-- Requests under way: what is known of each when it begins, as JSON. The transaction that stores the record removes the row.
CREATE TABLE starts (
    request_id TEXT PRIMARY KEY,
    record     TEXT NOT NULL
) WITHOUT ROWID;
