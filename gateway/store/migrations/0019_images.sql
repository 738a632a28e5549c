-- Pictures to start videos from: a tenant's own, each kept once. Their files lie in the asset store.

CREATE TABLE images (
  id         TEXT PRIMARY KEY,
  tenant     TEXT NOT NULL,
  sha256     TEXT NOT NULL,
  size       BIGINT NOT NULL CHECK (size > 0),
  media_type TEXT NOT NULL,
  width      BIGINT NOT NULL CHECK (width > 0),
  height     BIGINT NOT NULL CHECK (height > 0),
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);

CREATE UNIQUE INDEX images_by_content ON images (tenant, sha256);

CREATE INDEX images_of_tenant ON images (tenant, id);

CREATE INDEX images_by_expiry ON images (expires_at);

-- Where a provider keeps a picture that one account was given: named again until it may have been thrown away.
CREATE TABLE image_uploads (
  image       TEXT NOT NULL,
  account     TEXT NOT NULL,
  tenant      TEXT NOT NULL,
  url         TEXT NOT NULL,
  key         TEXT,
  uploaded_at BIGINT NOT NULL,
  PRIMARY KEY (image, account)
);

ALTER TABLE videos ADD COLUMN image TEXT;

CREATE INDEX videos_of_image ON videos (image) WHERE image IS NOT NULL;

-- What the paid request named: a replay names the same.
ALTER TABLE attempts ADD COLUMN image_url TEXT;

ALTER TABLE attempts ADD COLUMN image_key TEXT;

ALTER TABLE attempts ADD COLUMN image_known INTEGER NOT NULL DEFAULT 0 CHECK (image_known IN (0, 1));

SELECT isolate('images', 'tenant'); -- postgresql only

SELECT isolate('image_uploads', 'tenant'); -- postgresql only
