-- What of a tenant's log is not kept any more: it is whole after the position ``removed``. Of what came before only the
-- events of videos that have not ended are left. ``removed_at`` is the time of the youngest event that was removed, so
-- that an id from before can be told from one that never was.
ALTER TABLE event_logs ADD COLUMN removed BIGINT NOT NULL DEFAULT 0;

ALTER TABLE event_logs ADD COLUMN removed_at BIGINT NOT NULL DEFAULT 0;

-- Client tokens that have expired are forgotten after a while.
CREATE INDEX client_tokens_by_end ON client_tokens (expires_at);
