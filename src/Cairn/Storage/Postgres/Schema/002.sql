-- How far each target of a push is, and how it stands.
CREATE TABLE push_targets (
    name             text COLLATE "C" PRIMARY KEY,
    version          bigint NOT NULL,
    event_position   bigint NOT NULL,
    request_position bigint NOT NULL,
    removed          bigint NOT NULL,
    removed_told     bigint NOT NULL,
    succeeded_at     bigint,
    failing_since    bigint,
    problem          text,
    refused          int NOT NULL,
    told             int NOT NULL
);
