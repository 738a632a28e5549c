-- Tenants' routing policies, every version of them.

CREATE TABLE policies (
  tenant  TEXT NOT NULL,
  version BIGINT NOT NULL CHECK (version > 0),
  at      BIGINT NOT NULL,
  author  TEXT NOT NULL,
  note    TEXT NOT NULL,
  policy  TEXT NOT NULL,
  PRIMARY KEY (tenant, version)
);

-- What was in force stays as it was, whoever has the database open.
CREATE TRIGGER policies_not_changed BEFORE UPDATE ON policies BEGIN SELECT RAISE(ABORT, 'policies are never changed'); END; -- sqlite only

CREATE TRIGGER policies_not_removed BEFORE DELETE ON policies BEGIN SELECT RAISE(ABORT, 'policies are never removed'); END; -- sqlite only

CREATE FUNCTION refuse_policies_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''policies are never changed'' USING ERRCODE = ''restrict_violation''; END'; -- postgresql only

CREATE TRIGGER policies_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON policies FOR EACH STATEMENT EXECUTE FUNCTION refuse_policies_change(); -- postgresql only
