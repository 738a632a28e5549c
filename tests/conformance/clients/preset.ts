// graphql-codegen's client preset: typed documents over HTTP, the subscription by graphql-ws and again by graphql-sse.
import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { print } from 'graphql';
import { createClient as createSseClient } from 'graphql-sse';
import { createClient as createWsClient } from 'graphql-ws';
import WebSocket from 'ws';
import { MakeDocument, OneDocument, PageDocument, WatchDocument, type WatchSubscription } from './generated/graphql.js';
import { authorization, must, url, watched } from './said.js';

const endpoint = `${url}/graphql`;

async function ask<Result, Variables>(document: TypedDocumentNode<Result, Variables>, variables: Variables): Promise<Result> {
  const answer = await fetch(endpoint, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json', accept: 'application/graphql-response+json' },
    body: JSON.stringify({ query: print(document), variables }),
  });
  const { data, errors } = (await answer.json()) as { data?: Result; errors?: unknown };
  must(data, JSON.stringify(errors));
  return data;
}

const { createVideo } = await ask(MakeDocument, { prompt: 'a paper boat in the rain' });
must(createVideo.__typename === 'CreateVideoSuccess', JSON.stringify(createVideo));
const { id } = createVideo.video;
must((await ask(OneDocument, { id })).video?.id === id, 'it is read');
must((await ask(PageDocument, { first: 5 })).videos.edges.some(({ node }) => node.id === id), 'it is listed');

const watch = { query: print(WatchDocument), variables: { id } };
const sockets = createWsClient({ url: endpoint.replace(/^http/, 'ws'), webSocketImpl: WebSocket, connectionParams: { authorization } });
const statuses: string[] = [];
for await (const result of sockets.iterate<WatchSubscription>(watch)) {
  must(result.data, JSON.stringify(result.errors));
  statuses.push(result.data.videoEvents.video.status);
}
await sockets.dispose();
const streams = createSseClient({ url: endpoint, headers: { authorization } });
for await (const result of streams.iterate<WatchSubscription>(watch)) must(result.data, JSON.stringify(result.errors));
watched(statuses);
