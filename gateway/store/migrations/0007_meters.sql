-- What each account was asked in the last minute and the last day, what its answers said is left, and refusals in a row.

CREATE TABLE meters (
  account    TEXT PRIMARY KEY,
  minute     TEXT NOT NULL DEFAULT '[]',
  day        TEXT NOT NULL DEFAULT '[]',
  learned    BIGINT,
  told_left  BIGINT,
  told_until BIGINT,
  told_at    BIGINT,
  owed_until BIGINT
);

ALTER TABLE accounts ADD COLUMN rests INTEGER NOT NULL DEFAULT 0;
