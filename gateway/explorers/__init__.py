"""Pages to read and try both doors in: /docs for REST, /graphiql for GraphQL."""
