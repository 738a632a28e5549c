"""The GraphQL door: types and resolvers over the same services as REST, and the transports that carry them."""

import gateway.graphql.enums  # noqa: F401  # describes the vocabulary's enums before any type uses them
