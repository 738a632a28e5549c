-- Who there is: tenants and their keys, provider accounts and their secrets, and who changed any of it.

-- Every change makes the next number; replicas look whether it moved, and read anew.
CREATE TABLE revision (
  id     INTEGER PRIMARY KEY CHECK (id = 1),
  number BIGINT NOT NULL
);

INSERT INTO revision (id, number) VALUES (1, 1);

CREATE TABLE tenants (
  id         TEXT PRIMARY KEY,
  managed_by TEXT NOT NULL CHECK (managed_by IN ('file', 'api')),
  source     TEXT,
  version    BIGINT NOT NULL CHECK (version > 0),
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  removed_at BIGINT,
  terms      TEXT NOT NULL
);

CREATE TABLE api_keys (
  id         TEXT PRIMARY KEY,
  tenant     TEXT NOT NULL,
  name       TEXT NOT NULL,
  hash       TEXT NOT NULL UNIQUE,
  hint       TEXT NOT NULL,
  scopes     TEXT NOT NULL,
  origins    TEXT NOT NULL,
  networks   TEXT NOT NULL,
  managed_by TEXT NOT NULL CHECK (managed_by IN ('file', 'api')),
  source     TEXT,
  created_at BIGINT NOT NULL,
  expires_at BIGINT,
  revoked_at BIGINT,
  used_at    BIGINT,
  rotates    TEXT
);

CREATE INDEX api_keys_of_tenant ON api_keys (tenant, id);

-- Accounts as they are set up; what we learn about them stands in accounts. A tenant's own serves nobody else.
CREATE TABLE account_setups (
  id         TEXT PRIMARY KEY,
  tenant     TEXT,
  managed_by TEXT NOT NULL CHECK (managed_by IN ('file', 'api')),
  source     TEXT,
  version    BIGINT NOT NULL CHECK (version > 0),
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  removed_at BIGINT,
  terms      TEXT NOT NULL
);

-- Secrets under keys of their own, and those under a master key; base64.
CREATE TABLE sealed (
  kind    TEXT NOT NULL,
  owner   TEXT NOT NULL,
  version BIGINT NOT NULL CHECK (version > 0),
  key_id  TEXT NOT NULL,
  wrapped TEXT NOT NULL,
  body    TEXT NOT NULL,
  at      BIGINT NOT NULL,
  PRIMARY KEY (kind, owner, version)
);

CREATE INDEX sealed_by_key ON sealed (key_id);

CREATE TABLE trail (
  id      TEXT PRIMARY KEY,
  at      BIGINT NOT NULL,
  actor   TEXT NOT NULL,
  action  TEXT NOT NULL,
  tenant  TEXT,
  subject TEXT NOT NULL,
  was     TEXT,
  became  TEXT,
  request TEXT
);

CREATE INDEX trail_of_tenant ON trail (tenant, id);

CREATE INDEX trail_of_subject ON trail (subject, id);

-- What was written down stays as it is, whoever has the database open.
CREATE TRIGGER trail_not_changed BEFORE UPDATE ON trail BEGIN SELECT RAISE(ABORT, 'the audit trail is never changed'); END; -- sqlite only

CREATE TRIGGER trail_not_removed BEFORE DELETE ON trail BEGIN SELECT RAISE(ABORT, 'the audit trail is never changed'); END; -- sqlite only

CREATE FUNCTION refuse_trail_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''the audit trail is never changed'' USING ERRCODE = ''restrict_violation''; END'; -- postgresql only

CREATE TRIGGER trail_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON trail FOR EACH STATEMENT EXECUTE FUNCTION refuse_trail_change(); -- postgresql only

SELECT isolate('revision'); -- postgresql only

SELECT isolate('tenants', 'id'); -- postgresql only

SELECT isolate('api_keys', 'tenant'); -- postgresql only

SELECT isolate('account_setups', 'tenant'); -- postgresql only

SELECT isolate('sealed'); -- postgresql only

SELECT isolate('trail', 'tenant'); -- postgresql only
