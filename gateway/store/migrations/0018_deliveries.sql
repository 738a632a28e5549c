-- What tenants' addresses are told: one row for each event and each of them, written with the event. Of those of a line
-- (what one address is told of one video) only the first that is pending has a time at which it is due: the others wait
-- behind it. Who adds to a line or takes from it holds the row of the tenant's log. An address that a video was given
-- stands in url: those of a tenant at one origin are one endpoint, so that they share its places and its rests.

CREATE TABLE deliveries (
  id           TEXT PRIMARY KEY,
  tenant       TEXT NOT NULL,
  endpoint     TEXT NOT NULL,
  subject      TEXT NOT NULL,
  event        TEXT NOT NULL,
  position     BIGINT NOT NULL,
  type         TEXT NOT NULL,
  url          TEXT,
  state        TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'exhausted', 'skipped')),
  created_at   BIGINT NOT NULL,
  ended_at     BIGINT,
  due          BIGINT,
  leased_until BIGINT,
  epoch        BIGINT NOT NULL DEFAULT 0,
  tries        INTEGER NOT NULL DEFAULT 0,
  since        INTEGER NOT NULL DEFAULT 0,
  body         TEXT,
  CHECK (state = 'pending' OR (due IS NULL AND leased_until IS NULL))
);

CREATE INDEX deliveries_due ON deliveries (due) WHERE due IS NOT NULL;

CREATE INDEX deliveries_leased ON deliveries (endpoint) WHERE leased_until IS NOT NULL;

CREATE INDEX deliveries_in_line ON deliveries (endpoint, subject, position) WHERE state = 'pending';

CREATE INDEX deliveries_of_endpoint ON deliveries (endpoint, id);

CREATE INDEX deliveries_of_video ON deliveries (subject, id) WHERE url IS NOT NULL;

CREATE INDEX deliveries_by_age ON deliveries (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE delivery_tries (
  delivery TEXT NOT NULL REFERENCES deliveries (id) ON DELETE CASCADE,
  n        INTEGER NOT NULL,
  tenant   TEXT NOT NULL,
  at       BIGINT NOT NULL,
  took     BIGINT NOT NULL,
  status   INTEGER,
  error    TEXT,
  answer   TEXT,
  PRIMARY KEY (delivery, n)
);

CREATE TABLE endpoint_states (
  endpoint      TEXT PRIMARY KEY,
  tenant        TEXT NOT NULL,
  failures      INTEGER NOT NULL DEFAULT 0,
  suspected_at  BIGINT,
  failing_since BIGINT,
  resting_until BIGINT
);

SELECT isolate('deliveries', 'tenant'); -- postgresql only

SELECT isolate('delivery_tries', 'tenant'); -- postgresql only

SELECT isolate('endpoint_states', 'tenant'); -- postgresql only
