-- Tenants with limits: what each created in its last minute, and a row to hold while one of its videos is begun. What is
-- counted has rows of its own, so that creates do not wait for sends. Tenants without limits have none.

CREATE TABLE tenant_limits (
  tenant TEXT NOT NULL,
  what   TEXT NOT NULL CHECK (what IN ('creates', 'making')),
  recent TEXT NOT NULL DEFAULT '[]',
  PRIMARY KEY (tenant, what)
);

CREATE INDEX attempts_of_tenant ON attempts (tenant, started_at) WHERE state IN ('planned', 'submitting', 'running', 'unknown');

SELECT isolate('tenant_limits', 'tenant'); -- postgresql only
