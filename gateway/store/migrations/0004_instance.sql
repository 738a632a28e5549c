-- Which life of this database we are in. A restore begins a new one, in quarantine until an operator confirms it.

CREATE TABLE instance (
  id             INTEGER PRIMARY KEY CHECK (id = 1),
  epoch          BIGINT NOT NULL CHECK (epoch >= 1),
  quarantined_at BIGINT,
  restored_from  TEXT,
  released_at    BIGINT,
  released_by    TEXT
);

INSERT INTO instance (id, epoch) VALUES (1, 1);
