-- Whose turn it is, is asked endpoint by endpoint: one with much that is due costs no more than one with little.

CREATE INDEX deliveries_due_by_endpoint ON deliveries (endpoint, due, id) WHERE due IS NOT NULL;
