-- What both kinds share. The tables of a kind are made from its list of fields (LogTable).

-- Every field's number, given once: index entries name fields by it.
CREATE TABLE fields (
    number INTEGER PRIMARY KEY,
    kind   TEXT NOT NULL,
    name   TEXT NOT NULL,
    UNIQUE (kind, name)
);

-- Every repeated text, once for each field.
CREATE TABLE terms (
    field INTEGER NOT NULL,
    term  INTEGER NOT NULL,
    text  TEXT NOT NULL,
    PRIMARY KEY (field, term)
) WITHOUT ROWID;
CREATE UNIQUE INDEX terms_by_text ON terms (field, text);

-- Terms whose records were dropped, to be erased when nothing else uses them.
CREATE TABLE orphans (
    field INTEGER NOT NULL,
    term  INTEGER NOT NULL,
    PRIMARY KEY (field, term)
) WITHOUT ROWID;

-- The last position given to a record of each kind, once records were dropped.
CREATE TABLE positions (
    kind  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;
