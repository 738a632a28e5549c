-- What hooks told, beside their bodies: an end that is told again in other bytes does not act twice, however late.
CREATE TABLE hook_news (
  provider    TEXT NOT NULL,
  attempt     TEXT NOT NULL,
  ref         TEXT NOT NULL,
  meaning     TEXT NOT NULL,
  received_at BIGINT NOT NULL,
  PRIMARY KEY (attempt, ref, meaning, provider)
);

-- Signed hooks of attempts that this database does not know yet: kept until one appears, or is not expected any more.
CREATE TABLE parked_hooks (
  provider    TEXT NOT NULL,
  attempt     TEXT NOT NULL,
  body_sha256 TEXT NOT NULL,
  accounts    TEXT NOT NULL,
  news        TEXT NOT NULL,
  received_at BIGINT NOT NULL,
  PRIMARY KEY (attempt, provider, body_sha256)
);

SELECT isolate('hook_news'); -- postgresql only

SELECT isolate('parked_hooks'); -- postgresql only
