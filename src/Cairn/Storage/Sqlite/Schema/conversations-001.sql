-- updated_at is what the sender said; without it a conversation was last touched when it was made, or by its last message.
CREATE TABLE conversations (
    place INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    owner_id TEXT NOT NULL,
    -- In one case, so that "contains" is asked of the bytes as they stand.
    title_folded TEXT NOT NULL,
    owner_folded TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER,
    is_archived INTEGER NOT NULL,
    deleted_at INTEGER,
    is_public INTEGER NOT NULL,
    tags TEXT NOT NULL,
    shared_with TEXT NOT NULL,
    message_count INTEGER NOT NULL DEFAULT 0,
    last_message_at INTEGER,
    state INTEGER AS (CASE WHEN deleted_at IS NOT NULL THEN 2 ELSE is_archived END),
    updated INTEGER AS (coalesce(updated_at, max(created_at, coalesce(last_message_at, 0)))),
    active INTEGER AS (max(created_at, coalesce(updated_at, 0), coalesce(last_message_at, 0)))
);

-- Each holds all that filters ask about, so that counting reads one index and nothing else.
CREATE INDEX conversations_by_creation ON conversations (created_at, id, state, owner_folded, title_folded);
CREATE INDEX conversations_by_update ON conversations (updated, id, created_at, state, owner_folded, title_folded);
CREATE INDEX conversations_by_owner ON conversations (owner_id, owner_folded);
CREATE INDEX conversations_by_activity ON conversations (active);

-- One conversation's messages lie side by side, in the order in which they are read.
CREATE TABLE messages (
    conversation INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    position INTEGER NOT NULL,
    id TEXT NOT NULL,
    role TEXT NOT NULL,
    content TEXT NOT NULL,
    sender_email TEXT,
    metadata TEXT,
    PRIMARY KEY (conversation, created_at, position)
) WITHOUT ROWID;

CREATE UNIQUE INDEX messages_by_id ON messages (conversation, id);

-- What was erased, until the log has its event.
CREATE TABLE notices (
    position INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    json TEXT NOT NULL
);
