-- How accounts are: their circuits, who paused them, what credits they have; what happened to them; and how long
-- their videos took. Credits are the account's own.

ALTER TABLE accounts ADD COLUMN circuit TEXT NOT NULL DEFAULT 'closed' CHECK (circuit IN ('closed', 'open', 'half_open'));

ALTER TABLE accounts ADD COLUMN circuit_at BIGINT;

ALTER TABLE accounts ADD COLUMN circuit_until BIGINT;

ALTER TABLE accounts ADD COLUMN opens INTEGER NOT NULL DEFAULT 0;

ALTER TABLE accounts ADD COLUMN trial TEXT;

ALTER TABLE accounts ADD COLUMN trial_until BIGINT;

ALTER TABLE accounts ADD COLUMN poll_failures INTEGER NOT NULL DEFAULT 0;

ALTER TABLE accounts ADD COLUMN paused_at BIGINT;

ALTER TABLE accounts ADD COLUMN paused_by TEXT;

ALTER TABLE accounts ADD COLUMN pause_note TEXT;

ALTER TABLE accounts ADD COLUMN credits_source TEXT CHECK (credits_source IN ('provider', 'operator'));

ALTER TABLE accounts ADD COLUMN credits_spent BIGINT;

ALTER TABLE accounts ADD COLUMN credits_full BIGINT;

ALTER TABLE accounts ADD COLUMN credits_warned INTEGER;

-- What was told before it was known how much had been spent by then says nothing now.
UPDATE accounts SET credits = NULL, credits_at = NULL;

CREATE TABLE account_events (
  id      TEXT PRIMARY KEY,
  at      BIGINT NOT NULL,
  account TEXT NOT NULL,
  type    TEXT NOT NULL,
  actor   TEXT,
  data    TEXT NOT NULL
);

CREATE INDEX account_events_of ON account_events (account, id);

CREATE TRIGGER account_events_not_changed BEFORE UPDATE ON account_events BEGIN SELECT RAISE(ABORT, 'account events are never changed'); END; -- sqlite only

CREATE TRIGGER account_events_not_removed BEFORE DELETE ON account_events BEGIN SELECT RAISE(ABORT, 'account events are never removed'); END; -- sqlite only

CREATE FUNCTION refuse_account_events_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''account events are never changed'' USING ERRCODE = ''restrict_violation''; END'; -- postgresql only

CREATE TRIGGER account_events_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON account_events FOR EACH STATEMENT EXECUTE FUNCTION refuse_account_events_change(); -- postgresql only

-- How each of the latest attempts ended: milliseconds until it began, and until it was made.
CREATE TABLE samples (
  attempt  TEXT PRIMARY KEY,
  account  TEXT NOT NULL,
  kind     TEXT NOT NULL,
  at       BIGINT NOT NULL,
  queue_ms BIGINT NOT NULL,
  make_ms  BIGINT,
  made     INTEGER NOT NULL CHECK (made IN (0, 1)),
  CHECK ((made = 1) = (make_ms IS NOT NULL))
);

CREATE INDEX samples_newest ON samples (account, kind, at);

CREATE INDEX attempts_begun ON attempts (account, started_at);
