// Documents to begin with. A test runs each of them against the schema.

export const EXAMPLES = [
  {
    "title": "What would it cost, and where would it go?",
    "query": "query Quote($input: CreateVideoInput!) {\n  quote(input: $input) {\n    decision {\n      strategy\n      candidates { account provider able price { lowMicros highMicros } excluded { code } }\n    }\n  }\n}\n",
    "variables": { "input": { "prompt": "A paper boat in the rain" } }
  },
  {
    "title": "Ask for a video",
    "query": "mutation Create($input: CreateVideoInput!) {\n  createVideo(input: $input) {\n    __typename\n    ... on CreateVideoSuccess { replayed video { id status substate } }\n    ... on UserError { code message }\n  }\n}\n",
    "variables": { "input": { "prompt": "A paper boat in the rain", "seconds": 5 } }
  },
  {
    "title": "Watch a video",
    "query": "subscription Watch($id: ID!) {\n  videoEvents(id: $id) {\n    seq\n    type\n    at\n    video { status substate progress }\n  }\n}\n",
    "variables": { "id": "video_…" }
  },
  {
    "title": "Why did it go there?",
    "query": "query Explain($id: ID!) {\n  video(id: $id) {\n    status\n    provider\n    account\n    route { strategy candidates { account able excluded { code } outranked { code } } }\n    attempts { number account state verdict }\n  }\n}\n",
    "variables": { "id": "video_…" }
  },
  {
    "title": "My videos",
    "query": "query Videos {\n  videos(first: 10) {\n    edges { node { id status prompt createdAt contentUrl } }\n    pageInfo { hasNextPage endCursor }\n  }\n}\n",
    "variables": {}
  },
  {
    "title": "How do I stand?",
    "query": "query Standing {\n  viewer { tenant { id name } }\n  balance { currency availableMicros heldMicros spentMicros }\n}\n",
    "variables": {}
  }
];
