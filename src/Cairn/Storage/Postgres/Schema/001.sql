-- What both kinds share. The tables of a kind are made from its list of fields (LogTable).

-- The last position given to a record of each kind. The count of erasures tells a process that what it keeps in memory of texts and partitions no longer holds.
CREATE TABLE logs (
    kind          text PRIMARY KEY,
    last_position bigint NOT NULL DEFAULT 0,
    erasures      bigint NOT NULL DEFAULT 0
);

-- Every field's number, given once, and the last number given to a text of it.
CREATE TABLE fields (
    number    int PRIMARY KEY,
    kind      text NOT NULL,
    name      text NOT NULL,
    last_term int NOT NULL DEFAULT 0,
    UNIQUE (kind, name)
);

-- Every repeated text, once for each field.
CREATE TABLE terms (
    field int NOT NULL,
    term  int NOT NULL,
    text  text COLLATE "C" NOT NULL,
    PRIMARY KEY (field, term)
);
CREATE UNIQUE INDEX terms_by_text ON terms (field, text);

-- Terms whose records were dropped, to be erased when nothing else uses them.
CREATE TABLE orphans (
    field int NOT NULL,
    term  int NOT NULL,
    PRIMARY KEY (field, term)
);

-- Requests under way, of each data directory: what is known of one when it begins, as JSON.
CREATE TABLE starts (
    request_id text COLLATE "C" PRIMARY KEY,
    directory  text NOT NULL,
    record     bytea NOT NULL
);
CREATE INDEX starts_by_directory ON starts (directory);

CREATE TABLE api_keys (
    id           text COLLATE "C" PRIMARY KEY,
    hash         bytea NOT NULL UNIQUE,
    name         text NOT NULL,
    scopes       text NOT NULL,
    created_at   bigint NOT NULL,
    expires_at   bigint,
    last_used_at bigint,
    revoked_at   bigint
);

CREATE TABLE settings (
    name  text COLLATE "C" PRIMARY KEY,
    value text NOT NULL
);

CREATE TABLE accounts (
    id              text COLLATE "C" PRIMARY KEY,
    email           text NOT NULL,
    email_key       text COLLATE "C" NOT NULL UNIQUE,
    name            text,
    role            int NOT NULL,
    password_hash   text,
    subject         text COLLATE "C" UNIQUE,
    created_at      bigint NOT NULL,
    last_sign_in_at bigint,
    disabled_at     bigint
);

CREATE TABLE sessions (
    id           text COLLATE "C" PRIMARY KEY,
    hash         bytea NOT NULL UNIQUE,
    account_id   text COLLATE "C" NOT NULL,
    created_at   bigint NOT NULL,
    last_used_at bigint NOT NULL,
    ip           text,
    user_agent   text
);
CREATE INDEX sessions_by_account ON sessions (account_id);

CREATE TABLE sign_in_links (
    hash       bytea PRIMARY KEY,
    account_id text COLLATE "C",
    expires_at bigint NOT NULL,
    used_at    bigint
);

CREATE TABLE notices (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id       text COLLATE "C" NOT NULL UNIQUE,
    json     text NOT NULL
);
