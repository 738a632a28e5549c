-- Files have lives of their own: written down before they are published, shared by videos that reuse them, and deleted
-- when no video has them any more. due: when to see whether anybody still has it; doomed_at: nobody may take it any more.

CREATE TABLE files (
  key               TEXT PRIMARY KEY,
  tenant            TEXT NOT NULL,
  due               BIGINT,
  doomed_at         BIGINT,
  poster_size       BIGINT,
  poster_sha256     TEXT,
  poster_media_type TEXT
);

CREATE INDEX files_due ON files (due) WHERE due IS NOT NULL;

INSERT INTO files (key, tenant) SELECT asset_key, min(tenant) FROM (
  SELECT asset_key, tenant FROM videos WHERE asset_key IS NOT NULL UNION SELECT asset_key, tenant FROM outputs
) AS kept GROUP BY asset_key;

SELECT isolate('files', 'tenant'); -- postgresql only

-- gone_at: this video has its file no more, because it expired or the video was deleted. wish: what the wish comes to,
-- so that an equal one can have the same file; reused_from: whose file this is.
ALTER TABLE videos ADD COLUMN gone_at BIGINT;

ALTER TABLE videos ADD COLUMN deleted_at BIGINT;

ALTER TABLE videos ADD COLUMN wish TEXT;

ALTER TABLE videos ADD COLUMN reused_from TEXT;

ALTER TABLE outputs ADD COLUMN expires_at BIGINT;

ALTER TABLE outputs ADD COLUMN gone_at BIGINT;

CREATE INDEX videos_by_file ON videos (asset_key) WHERE asset_key IS NOT NULL AND gone_at IS NULL;

CREATE INDEX outputs_by_file ON outputs (asset_key) WHERE gone_at IS NULL;

CREATE INDEX videos_to_expire ON videos (expires_at) WHERE expires_at IS NOT NULL AND gone_at IS NULL;

CREATE INDEX outputs_to_expire ON outputs (expires_at) WHERE expires_at IS NOT NULL AND gone_at IS NULL;

CREATE INDEX videos_to_reuse ON videos (tenant, wish, completed_at)
  WHERE status = 'completed' AND reused_from IS NULL AND gone_at IS NULL;
