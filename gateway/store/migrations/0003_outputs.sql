-- Files that came after their videos had ended, and incidents. A file is copied for the attempt that made it.

CREATE TABLE outputs (
  attempt          TEXT PRIMARY KEY REFERENCES attempts (id),
  video            TEXT NOT NULL REFERENCES videos (id),
  tenant           TEXT NOT NULL,
  asset_key        TEXT NOT NULL,
  asset_size       BIGINT NOT NULL,
  asset_sha256     TEXT NOT NULL,
  asset_media_type TEXT NOT NULL,
  at               BIGINT NOT NULL
);

CREATE INDEX outputs_of_video ON outputs (video);

CREATE TABLE incidents (
  id      TEXT PRIMARY KEY,
  at      BIGINT NOT NULL,
  kind    TEXT NOT NULL,
  tenant  TEXT,
  video   TEXT,
  attempt TEXT,
  account TEXT,
  data    TEXT NOT NULL
);

CREATE INDEX incidents_of_attempt ON incidents (attempt) WHERE attempt IS NOT NULL;

CREATE INDEX incidents_by_kind ON incidents (kind, id);

-- What was written down stays as it is, whoever has the database open.
CREATE TRIGGER incidents_not_changed BEFORE UPDATE ON incidents BEGIN SELECT RAISE(ABORT, 'incidents are never changed'); END; -- sqlite only

CREATE TRIGGER incidents_not_removed BEFORE DELETE ON incidents BEGIN SELECT RAISE(ABORT, 'incidents are never removed'); END; -- sqlite only

CREATE FUNCTION refuse_incidents_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''incidents are never changed'' USING ERRCODE = ''restrict_violation''; END'; -- postgresql only

CREATE TRIGGER incidents_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON incidents FOR EACH STATEMENT EXECUTE FUNCTION refuse_incidents_change(); -- postgresql only

-- A fetch was due on a video; now it is on the attempt that made it. Whoever had claimed it has it no more.
DELETE FROM tasks WHERE kind = 'fetch' AND NOT EXISTS (
  SELECT 1 FROM attempts WHERE video = tasks.subject AND state = 'succeeded' AND video_url IS NOT NULL
);

UPDATE tasks SET epoch = epoch + 1, leased_until = NULL, worker = NULL, subject = (
  SELECT id FROM attempts WHERE video = tasks.subject AND state = 'succeeded' AND video_url IS NOT NULL ORDER BY n LIMIT 1
) WHERE kind = 'fetch';
