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

-- Which terms contain three letters in a row; rowid is field << 40 | term. Answers candidates: the text decides.
CREATE VIRTUAL TABLE term_letters USING fts5 (text, content = '', detail = none, columnsize = 0, tokenize = 'trigram case_sensitive 1');

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
