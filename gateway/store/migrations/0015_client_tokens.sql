-- Client tokens: what was given to somebody's browser, and the keys that sign them. The tokens themselves are not kept.

CREATE TABLE client_tokens (
  id         TEXT PRIMARY KEY,
  tenant     TEXT NOT NULL,
  api_key    TEXT NOT NULL,
  scopes     TEXT NOT NULL,
  end_user   TEXT,
  video      TEXT,
  allowance  BIGINT CHECK (allowance >= 0),
  creates    BIGINT CHECK (creates > 0),
  created    BIGINT NOT NULL DEFAULT 0 CHECK (created >= 0),
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  revoked_at BIGINT
);

CREATE INDEX client_tokens_of_tenant ON client_tokens (tenant, id);

CREATE INDEX client_tokens_revoked ON client_tokens (expires_at) WHERE revoked_at IS NOT NULL;

-- Whose eyes a video is for, and the token that made it: what is not given stays the tenant's alone.
ALTER TABLE videos ADD COLUMN end_user TEXT;

ALTER TABLE videos ADD COLUMN client_token TEXT;

CREATE INDEX videos_of_end_user ON videos (tenant, end_user, id) WHERE end_user IS NOT NULL;

CREATE INDEX videos_of_client_token ON videos (tenant, client_token, id) WHERE client_token IS NOT NULL;

-- The newest one signs. The private halves lie sealed; these rows say when each was made and replaced.
CREATE TABLE signing_keys (
  kid        TEXT PRIMARY KEY,
  created_at BIGINT NOT NULL,
  retired_at BIGINT
);

SELECT isolate('client_tokens', 'tenant'); -- postgresql only

SELECT isolate('signing_keys'); -- postgresql only
