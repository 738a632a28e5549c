-- Videos, their attempts, the work due on them, the events they told, what we know of accounts, the hooks we heard.
-- Times are integer milliseconds, money integer micros, states text with a CHECK, JSON text.

CREATE TABLE videos (
  id              TEXT PRIMARY KEY,
  tenant          TEXT NOT NULL,
  idempotency_key TEXT,
  fingerprint     TEXT NOT NULL,
  spec            TEXT NOT NULL,
  routing         TEXT NOT NULL,
  metadata        TEXT NOT NULL,
  decision        TEXT NOT NULL,
  status          TEXT NOT NULL CHECK (status IN ('queued', 'in_progress', 'completed', 'failed', 'canceled')),
  substate        TEXT CHECK (substate IN ('waiting_capacity', 'submitting', 'running', 'outcome_unknown', 'fetching')),
  progress        INTEGER NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 100),
  version         BIGINT NOT NULL,
  created_at      BIGINT NOT NULL,
  deadline_at     BIGINT NOT NULL,
  started_at      BIGINT,
  completed_at    BIGINT,
  expires_at      BIGINT,
  account         TEXT,
  provider        TEXT,
  adjustments     TEXT NOT NULL DEFAULT '[]',
  quoted_low      BIGINT,
  quoted_high     BIGINT,
  charged         BIGINT,
  credits         BIGINT,
  error_code      TEXT,
  error_message   TEXT,
  asset_key       TEXT,
  asset_size      BIGINT,
  asset_sha256    TEXT,
  asset_media_type TEXT,
  CHECK ((status IN ('completed', 'failed', 'canceled')) = (completed_at IS NOT NULL)),
  CHECK (status <> 'completed' OR asset_key IS NOT NULL)
);

CREATE UNIQUE INDEX videos_by_key ON videos (tenant, idempotency_key) WHERE idempotency_key IS NOT NULL;

CREATE INDEX videos_by_age ON videos (tenant, id);

CREATE INDEX videos_queued ON videos (tenant) WHERE status = 'queued';

CREATE TABLE attempts (
  id                 TEXT PRIMARY KEY,
  video              TEXT NOT NULL REFERENCES videos (id),
  tenant             TEXT NOT NULL,
  n                  INTEGER NOT NULL,
  account            TEXT NOT NULL,
  provider           TEXT NOT NULL,
  state              TEXT NOT NULL CHECK (state IN ('planned', 'submitting', 'running', 'succeeded', 'failed', 'unknown')),
  verdict            TEXT CHECK (verdict IN ('not_sent', 'rejected', 'accepted', 'unknown')),
  idempotency_key    TEXT NOT NULL,
  body_sha256        TEXT NOT NULL,
  credential_version INTEGER NOT NULL,
  keyed              INTEGER NOT NULL,
  callback           INTEGER NOT NULL,
  started_at         BIGINT NOT NULL,
  ended_at           BIGINT,
  incomplete_at      BIGINT,
  ref                TEXT,
  replays            INTEGER NOT NULL DEFAULT 0,
  polls              INTEGER NOT NULL DEFAULT 0,
  sightings          INTEGER NOT NULL DEFAULT 0,
  credits_low        BIGINT NOT NULL,
  credits_high       BIGINT NOT NULL,
  credits            BIGINT,
  reason_code        TEXT,
  reason_message     TEXT,
  video_url          TEXT,
  UNIQUE (video, n)
);

-- A video has at most one live attempt; an upstream's id names one attempt at an account.
CREATE UNIQUE INDEX attempts_live ON attempts (video) WHERE state IN ('planned', 'submitting', 'running');

CREATE UNIQUE INDEX attempts_by_ref ON attempts (account, ref) WHERE ref IS NOT NULL;

CREATE INDEX attempts_open ON attempts (account, started_at) WHERE state IN ('planned', 'submitting', 'running', 'unknown');

-- Work due: any replica may claim it; a claim is a lease that lapses by itself, and its epoch fences a slow worker.
CREATE TABLE tasks (
  kind         TEXT NOT NULL,
  subject      TEXT NOT NULL,
  due          BIGINT NOT NULL,
  leased_until BIGINT,
  worker       TEXT,
  epoch        BIGINT NOT NULL DEFAULT 0,
  errors       INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (kind, subject)
);

CREATE INDEX tasks_due ON tasks (due);

CREATE TABLE events (
  video  TEXT NOT NULL,
  seq    BIGINT NOT NULL,
  id     TEXT NOT NULL,
  tenant TEXT NOT NULL,
  type   TEXT NOT NULL,
  at     BIGINT NOT NULL,
  data   TEXT NOT NULL,
  PRIMARY KEY (video, seq)
);

CREATE TABLE accounts (
  id                 TEXT PRIMARY KEY,
  failures           INTEGER NOT NULL DEFAULT 0,
  failed_at          BIGINT,
  resting_until      BIGINT,
  resting_reason     TEXT,
  credential         TEXT NOT NULL DEFAULT 'works' CHECK (credential IN ('works', 'refused')),
  credential_version INTEGER NOT NULL DEFAULT 0,
  callbacks_refused  INTEGER NOT NULL DEFAULT 0,
  credits            BIGINT,
  credits_at         BIGINT
);

-- Hooks carry no signed time, so what was heard once is remembered for ever: a captured one can not act twice.
CREATE TABLE hooks (
  provider    TEXT NOT NULL,
  body_sha256 TEXT NOT NULL,
  attempt     TEXT NOT NULL,
  received_at BIGINT NOT NULL,
  PRIMARY KEY (provider, body_sha256, attempt)
);
