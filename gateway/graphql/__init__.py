"""The GraphQL door: types and resolvers over the same services as REST, and the transports that carry them."""
