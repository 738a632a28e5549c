-- The ledger, what it derives, and what is held for a video.

CREATE TABLE entries (
  id       TEXT PRIMARY KEY,
  kind     TEXT NOT NULL CHECK (kind IN ('top_up', 'hold', 'capture', 'release', 'adjust', 'cost', 'suspense')),
  at       BIGINT NOT NULL,
  tenant   TEXT,
  video    TEXT,
  attempt  TEXT,
  account  TEXT,
  actor    TEXT,
  note     TEXT,
  once     TEXT,
  postings TEXT NOT NULL
);

CREATE UNIQUE INDEX entries_once ON entries (once) WHERE once IS NOT NULL;

CREATE INDEX entries_of_tenant ON entries (tenant, id) WHERE kind IN ('top_up', 'hold', 'capture', 'release', 'adjust');

CREATE INDEX entries_of_video ON entries (video) WHERE video IS NOT NULL;

CREATE INDEX entries_of_account ON entries (account, at) WHERE account IS NOT NULL;

-- What is written in the ledger stays as it is, whoever has the database open.
CREATE TRIGGER entries_not_changed BEFORE UPDATE ON entries BEGIN SELECT RAISE(ABORT, 'ledger entries are never changed'); END; -- sqlite only

CREATE TRIGGER entries_not_removed BEFORE DELETE ON entries BEGIN SELECT RAISE(ABORT, 'ledger entries are never removed'); END; -- sqlite only

CREATE FUNCTION refuse_entries_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''ledger entries are never changed'' USING ERRCODE = ''restrict_violation''; END'; -- postgresql only

CREATE TRIGGER entries_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON entries FOR EACH STATEMENT EXECUTE FUNCTION refuse_entries_change(); -- postgresql only

-- The sums of the entries' postings. Several shards, so that a tenant's creates do not queue for one row.
CREATE TABLE balances (
  account TEXT NOT NULL,
  unit    TEXT NOT NULL,
  shard   INTEGER NOT NULL,
  amount  BIGINT NOT NULL CHECK (amount >= 0 OR account NOT LIKE 'tenant:%:available'),
  PRIMARY KEY (account, unit, shard)
);

-- What a tenant with a budget has committed in a day or a month: charged, or held.
CREATE TABLE spending (
  tenant TEXT NOT NULL,
  period TEXT NOT NULL,
  amount BIGINT NOT NULL,
  warned INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, period)
);

-- What accounts said videos of one kind cost, added up: the next estimate.
CREATE TABLE estimates (
  account TEXT NOT NULL,
  kind    TEXT NOT NULL,
  seen    BIGINT NOT NULL,
  credits BIGINT NOT NULL,
  PRIMARY KEY (account, kind)
);

-- Balances that accounts told us in passing.
CREATE TABLE sightings (
  account TEXT NOT NULL,
  at      BIGINT NOT NULL,
  credits BIGINT NOT NULL,
  PRIMARY KEY (account, at)
);

ALTER TABLE videos ADD COLUMN held BIGINT;

ALTER TABLE videos ADD COLUMN held_from TEXT;

-- Attempts without an expectation were made before the ledger was, and are not booked.
ALTER TABLE attempts ADD COLUMN expected BIGINT;

ALTER TABLE attempts ADD COLUMN price BIGINT;

ALTER TABLE attempts ADD COLUMN refunds INTEGER NOT NULL DEFAULT 0;
