-- Whose rows a transaction reaches: the setting filmgate.scope holds a tenant's name, or * for the engine, and where it
-- is empty nothing is seen and nothing can be written. SQLite has no row-level security. See docs/isolation.md.

CREATE FUNCTION current_scope() RETURNS text LANGUAGE sql STABLE AS 'SELECT nullif(current_setting(''filmgate.scope'', true), '''')'; -- postgresql only

-- Every migration that makes a table says here whose its rows are: an expression that gives a row's tenant, or nothing
-- for a table of the engine's alone. FORCE binds the owner too. A statement asks for the scope once, not for each row, and
-- the engine's looks for no row's tenant: so it is one policy and not two, whose order nobody promises.
CREATE FUNCTION isolate(target regclass, owner text DEFAULT NULL) RETURNS void -- postgresql only
LANGUAGE plpgsql AS 'BEGIN
  EXECUTE format(''ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY'', target);
  IF owner IS NULL THEN
    EXECUTE format(''CREATE POLICY engine ON %s USING ((SELECT current_scope()) = %L)'', target, ''*'');
  ELSE
    EXECUTE format(''CREATE POLICY tenants ON %s USING ((SELECT current_scope()) = %L OR (%s) = (SELECT current_scope()))'', target, ''*'', owner);
  END IF;
END';

SELECT isolate('videos', 'tenant'); -- postgresql only

SELECT isolate('batches', 'tenant'); -- postgresql only

SELECT isolate('attempts', 'tenant'); -- postgresql only

SELECT isolate('events', 'tenant'); -- postgresql only

SELECT isolate('outputs', 'tenant'); -- postgresql only

SELECT isolate('policies', 'tenant'); -- postgresql only

SELECT isolate('spending', 'tenant'); -- postgresql only

-- What providers cost us is not the tenants' to see.
SELECT isolate('entries', 'CASE WHEN kind NOT IN (''cost'', ''suspense'') THEN tenant END'); -- postgresql only

SELECT isolate('balances', 'CASE WHEN starts_with(account, ''tenant:'') THEN split_part(account, '':'', 2) END'); -- postgresql only

-- A create makes its video's tasks due, and a cancel drops them. What is due on attempts and accounts is the engine's.
SELECT isolate('tasks', 'SELECT videos.tenant FROM videos WHERE videos.id = tasks.subject'); -- postgresql only

SELECT isolate('resolutions'); -- postgresql only

SELECT isolate('incidents'); -- postgresql only

SELECT isolate('shares'); -- postgresql only

SELECT isolate('accounts'); -- postgresql only

SELECT isolate('account_events'); -- postgresql only

SELECT isolate('meters'); -- postgresql only

SELECT isolate('samples'); -- postgresql only

SELECT isolate('estimates'); -- postgresql only

SELECT isolate('sightings'); -- postgresql only

SELECT isolate('hooks'); -- postgresql only

SELECT isolate('instance'); -- postgresql only
