-- What operators found out about attempts whose outcome nobody knew.

CREATE TABLE resolutions (
  id      TEXT PRIMARY KEY,
  at      BIGINT NOT NULL,
  verb    TEXT NOT NULL CHECK (verb IN ('bind', 'void')),
  attempt TEXT NOT NULL REFERENCES attempts (id),
  video   TEXT NOT NULL,
  tenant  TEXT NOT NULL,
  account TEXT NOT NULL,
  actor   TEXT NOT NULL,
  note    TEXT NOT NULL,
  ref     TEXT,
  credits BIGINT
);

CREATE INDEX resolutions_of_attempt ON resolutions (attempt);

CREATE INDEX attempts_unknown ON attempts (id) WHERE state = 'unknown';

-- What was written down stays as it is, whoever has the database open.
CREATE TRIGGER resolutions_not_changed BEFORE UPDATE ON resolutions BEGIN SELECT RAISE(ABORT, 'resolutions are never changed'); END; -- sqlite only

CREATE TRIGGER resolutions_not_removed BEFORE DELETE ON resolutions BEGIN SELECT RAISE(ABORT, 'resolutions are never removed'); END; -- sqlite only

CREATE FUNCTION refuse_resolutions_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''resolutions are never changed'' USING ERRCODE = ''restrict_violation''; END'; -- postgresql only

CREATE TRIGGER resolutions_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON resolutions FOR EACH STATEMENT EXECUTE FUNCTION refuse_resolutions_change(); -- postgresql only
