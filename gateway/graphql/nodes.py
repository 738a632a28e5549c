"""Things with a global id: ids are opaque, unique, and say by their prefix what they name."""

import strawberry


@strawberry.interface(description="Anything that can be fetched again by its id alone.")
class Node:
    id: strawberry.ID = strawberry.field(description="Opaque and globally unique.")
