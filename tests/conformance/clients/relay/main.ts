// Relay's runtime with what its compiler made: documents are sent by their ids alone where the gateway trusts them.
import { createClient } from 'graphql-sse';
import {
  type ConcreteRequest, commitMutation, Environment, fetchQuery, type GraphQLResponse, Network, Observable, RecordSource,
  type RequestParameters, requestSubscription, Store, type Variables,
} from 'relay-runtime';
import { authorization, must, url, watched } from '../said.js';
import again, { type documentsAgainQuery } from './__generated__/documentsAgainQuery.graphql.js';
import make, { type documentsMakeMutation } from './__generated__/documentsMakeMutation.graphql.js';
import page, { type documentsPageQuery } from './__generated__/documentsPageQuery.graphql.js';
import watch, { type documentsWatchSubscription } from './__generated__/documentsWatchSubscription.graphql.js';

const endpoint = `${url}/graphql`;
const streams = createClient({ url: endpoint, headers: { authorization } });

async function ask(request: RequestParameters, variables: Variables): Promise<GraphQLResponse> {
  const answer = await fetch(endpoint, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify({ documentId: `sha256:${request.id}`, variables }),
  });
  return (await answer.json()) as GraphQLResponse;
}

function follow(request: RequestParameters, variables: Variables): Observable<GraphQLResponse> {
  return Observable.create((sink) =>
    streams.subscribe({ extensions: { persistedQuery: { version: 1, sha256Hash: request.id } }, variables } as never, sink as never),
  );
}

const environment = new Environment({ network: Network.create(ask, follow), store: new Store(new RecordSource()) });
const made = await new Promise<documentsMakeMutation['response']>((resolve, reject) =>
  commitMutation<documentsMakeMutation>(environment, {
    mutation: make as ConcreteRequest,
    variables: { input: { prompt: 'a paper boat in the rain', seconds: 5 } },
    onCompleted: resolve,
    onError: reject,
  }),
);
const id = made.createVideo.video?.id;
must(id, JSON.stringify(made));
const listed = await fetchQuery<documentsPageQuery>(environment, page as ConcreteRequest, { first: 5 }).toPromise();
must(listed?.videos.edges.some(({ node }) => node.id === id), 'it is listed');
must(await fetchQuery<documentsAgainQuery>(environment, again as ConcreteRequest, { id }).toPromise(), 'its node is fetched again');

const statuses: string[] = [];
await new Promise<void>((resolve, reject) =>
  requestSubscription<documentsWatchSubscription>(environment, {
    subscription: watch as ConcreteRequest,
    variables: { id },
    onNext: (event) => void (event && statuses.push(event.videoEvents.video.status)),
    onCompleted: resolve,
    onError: reject,
  }),
);
watched(statuses);
