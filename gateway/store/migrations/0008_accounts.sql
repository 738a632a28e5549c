-- What replicas share about accounts: their circuit, the operator's hand, their credits; and what happened to them.

ALTER TABLE accounts ADD COLUMN rests INTEGER NOT NULL DEFAULT 0;

ALTER TABLE accounts ADD COLUMN poll_failures INTEGER NOT NULL DEFAULT 0;

ALTER TABLE accounts ADD COLUMN circuit TEXT NOT NULL DEFAULT 'closed' CHECK (circuit IN ('closed', 'open', 'half_open'));

ALTER TABLE accounts ADD COLUMN circuit_until BIGINT;

ALTER TABLE accounts ADD COLUMN opens INTEGER NOT NULL DEFAULT 0;

ALTER TABLE accounts ADD COLUMN trial TEXT;

ALTER TABLE accounts ADD COLUMN trial_until BIGINT;

ALTER TABLE accounts ADD COLUMN paused_at BIGINT;

ALTER TABLE accounts ADD COLUMN paused_by TEXT;

ALTER TABLE accounts ADD COLUMN pause_note TEXT;

ALTER TABLE accounts ADD COLUMN credits_source TEXT;

ALTER TABLE accounts ADD COLUMN credits_spent BIGINT NOT NULL DEFAULT 0;

ALTER TABLE accounts ADD COLUMN credits_full BIGINT;

ALTER TABLE accounts ADD COLUMN credits_warned INTEGER NOT NULL DEFAULT 101;

CREATE TABLE account_events (
  id      TEXT PRIMARY KEY,
  at      BIGINT NOT NULL,
  account TEXT NOT NULL,
  type    TEXT NOT NULL,
  actor   TEXT,
  data    TEXT NOT NULL
);

CREATE INDEX account_events_of ON account_events (account, id);

-- What was written down stays as it is, whoever has the database open.
CREATE TRIGGER account_events_not_changed BEFORE UPDATE ON account_events BEGIN SELECT RAISE(ABORT, 'account events are never changed'); END; -- sqlite only

CREATE TRIGGER account_events_not_removed BEFORE DELETE ON account_events BEGIN SELECT RAISE(ABORT, 'account events are never removed'); END; -- sqlite only

CREATE FUNCTION refuse_account_events_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''account events are never changed'' USING ERRCODE = ''restrict_violation''; END'; -- postgresql only

CREATE TRIGGER account_events_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON account_events FOR EACH STATEMENT EXECUTE FUNCTION refuse_account_events_change(); -- postgresql only
