-- Wishes that were accepted together: all of them, or as many of the first as there was money and room for.

CREATE TABLE batches (
  id              TEXT PRIMARY KEY,
  tenant          TEXT NOT NULL,
  idempotency_key TEXT,
  fingerprint     TEXT NOT NULL,
  created_at      BIGINT NOT NULL,
  mode            TEXT NOT NULL CHECK (mode IN ('all', 'affordable')),
  wished          INTEGER NOT NULL CHECK (wished > 0),
  accepted        INTEGER NOT NULL CHECK (accepted BETWEEN 0 AND wished),
  missing         BIGINT NOT NULL CHECK (missing >= 0),
  missing_places  INTEGER NOT NULL CHECK (missing_places >= 0)
);

CREATE UNIQUE INDEX batches_by_key ON batches (tenant, idempotency_key) WHERE idempotency_key IS NOT NULL;

-- Ids of one batch sort as its wishes were given.
ALTER TABLE videos ADD COLUMN batch TEXT REFERENCES batches (id);

CREATE INDEX videos_of_batch ON videos (batch, id) WHERE batch IS NOT NULL;
