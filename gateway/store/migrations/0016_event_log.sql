-- One log of events for each tenant: what happened to its videos, and to what else it has. A position is given as the
-- last act of the transaction that tells, under the row of the tenant's log, so positions follow commits and have no
-- holes: who read up to one has missed nothing before it.

CREATE TABLE event_logs (
  tenant    TEXT PRIMARY KEY,
  last      BIGINT NOT NULL DEFAULT 0,
  endpoints INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE logged (
  tenant   TEXT NOT NULL,
  position BIGINT NOT NULL,
  id       TEXT NOT NULL,
  video    TEXT,
  seq      BIGINT,
  type     TEXT NOT NULL,
  at       BIGINT NOT NULL,
  data     TEXT NOT NULL,
  PRIMARY KEY (tenant, position),
  CHECK ((video IS NULL) = (seq IS NULL))
);

INSERT INTO logged (tenant, position, id, video, seq, type, at, data)
SELECT tenant, row_number() OVER (PARTITION BY tenant ORDER BY at, video, seq), id, video, seq, type, at, data FROM events;

INSERT INTO event_logs (tenant, last) SELECT tenant, max(position) FROM logged GROUP BY tenant;

DROP TABLE events;

ALTER TABLE logged RENAME TO events;

CREATE UNIQUE INDEX events_of_video ON events (video, seq) WHERE video IS NOT NULL;

CREATE UNIQUE INDEX events_by_id ON events (tenant, id);

CREATE INDEX events_by_age ON events (at);

SELECT isolate('event_logs', 'tenant'); -- postgresql only

SELECT isolate('events', 'tenant'); -- postgresql only
