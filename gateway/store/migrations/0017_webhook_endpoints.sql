-- Webhook endpoints as they are set up, without their secrets: those lie sealed. event_logs.endpoints counts those of a
-- tenant that are there, so that who has none pays nothing for them.

CREATE TABLE webhook_endpoints (
  id         TEXT PRIMARY KEY,
  tenant     TEXT NOT NULL,
  managed_by TEXT NOT NULL CHECK (managed_by IN ('file', 'api')),
  source     TEXT,
  version    BIGINT NOT NULL CHECK (version > 0),
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  removed_at BIGINT,
  terms      TEXT NOT NULL
);

CREATE INDEX webhook_endpoints_of_tenant ON webhook_endpoints (tenant, id) WHERE removed_at IS NULL;

SELECT isolate('webhook_endpoints', 'tenant'); -- postgresql only
