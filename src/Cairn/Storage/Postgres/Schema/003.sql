-- How often it changed which things are gone: a process that knows of some believes it until the count is another one.
ALTER TABLE logs ADD COLUMN fates bigint NOT NULL DEFAULT 0;
