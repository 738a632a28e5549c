-- Who waits for which accounts, and whose turn it is. A task in a line waits to be called; the line names the accounts
-- that may take it and its tenant, and within it the highest priority goes first, then the oldest.

ALTER TABLE tasks ADD COLUMN line TEXT;

ALTER TABLE tasks ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;

ALTER TABLE tasks ADD COLUMN passes_until BIGINT NOT NULL DEFAULT 0;

CREATE INDEX tasks_in_line ON tasks (line, priority DESC, subject) WHERE line IS NOT NULL;

-- How much of an account a tenant has had: the smaller the number, the sooner its turn. The account's own number, under
-- the tenant '', is where whoever comes new begins.
CREATE TABLE shares (
  account TEXT NOT NULL,
  tenant  TEXT NOT NULL,
  passed  BIGINT NOT NULL,
  PRIMARY KEY (account, tenant)
);
