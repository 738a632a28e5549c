"""What the product can do: one module per noun, one method per verb. REST, GraphQL and the worker all end here."""
