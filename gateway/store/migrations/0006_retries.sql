-- An account's retry budget, when an attempt was last sent again, and creates that an SDK sends again without a key.

ALTER TABLE accounts ADD COLUMN retries_full_at BIGINT;

ALTER TABLE attempts ADD COLUMN replayed_at BIGINT;

CREATE INDEX videos_keyless ON videos (tenant, fingerprint, created_at) WHERE idempotency_key IS NULL;
