"""The only place with SQL: two engines, one file per table, one function per question."""
