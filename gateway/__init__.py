"""filmgate: one GraphQL schema and one REST façade over several AI video providers."""

__version__ = "0.1.0"
