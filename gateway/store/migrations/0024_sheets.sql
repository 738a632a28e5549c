-- A sheet of pictures of a film lies beside it as its poster does.
ALTER TABLE files ADD COLUMN sheet_size BIGINT;

ALTER TABLE files ADD COLUMN sheet_sha256 TEXT;

ALTER TABLE files ADD COLUMN sheet_media_type TEXT;
