// Apollo Client and urql as pages use them: node browsers.mjs URL AUTHORIZATION.
import { ApolloClient, gql, HttpLink, InMemoryCache } from '@apollo/client/core/index.js';
import { cacheExchange, Client, fetchExchange, subscriptionExchange } from '@urql/core';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

const [url, authorization] = process.argv.slice(2);
const headers = { authorization };
const MAKE = 'mutation { createVideo(input: { prompt: "a paper boat" }) { ... on CreateVideoSuccess { video { id } } } }';
const ONE = 'query One($id: ID!) { video(id: $id) { id status } }';
const WATCH = 'subscription Watch($id: ID!) { videoEvents(id: $id) { id video { id status } } }';
let failed = 0;

async function check(name, story) {
  const late = new Promise((_, reject) => setTimeout(() => reject(new Error('took too long')), 20_000).unref());
  try {
    console.log('ok  ', name, (await Promise.race([story(), late])) ?? '');
  } catch (error) {
    failed += 1;
    console.log('FAIL', name, error.message ?? error);
  }
}

const apollo = (options = {}) =>
  new ApolloClient({ cache: new InMemoryCache(), link: new HttpLink({ uri: url, headers, ...options }) });
const urql = (options = {}, exchanges = []) =>
  new Client({ url, exchanges: [cacheExchange, ...exchanges, fetchExchange], fetchOptions: { headers }, preferGetMethod: false, ...options });
const last = (statuses) => {
  if (statuses.at(-1) !== 'COMPLETED') throw new Error(`ended with ${statuses}`);
  return statuses.join(' ');
};
const made = async () => (await apollo().mutate({ mutation: gql(MAKE) })).data.createVideo.video.id;

await check('Apollo: a mutation, a query by POST and by GET', async () => {
  const variables = { id: await made() };
  for (const client of [apollo(), apollo({ useGETForQueries: true })]) {
    const { data } = await client.query({ query: gql(ONE), variables });
    if (data.video.id !== variables.id) throw new Error(JSON.stringify(data));
  }
});
await check('Apollo: what is not valid is said', async () => {
  const said = await apollo().query({ query: gql('{ nothingOfTheKind }') }).then((result) => result.error, (error) => error);
  if (!/nothingOfTheKind/.test(said?.message)) throw new Error(said);
});
await check('Apollo: a subscription in parts', async () => {
  const variables = { id: await made() };
  const statuses = [];
  await new Promise((complete, error) =>
    apollo().subscribe({ query: gql(WATCH), variables }).subscribe({
      next: ({ data }) => statuses.push(data.videoEvents.video.status), error, complete,
    }),
  );
  return last(statuses);
});
await check('urql: a query, and what is not valid', async () => {
  const variables = { id: await made() };
  const { data, error } = await urql().query(ONE, variables).toPromise();
  if (data?.video.id !== variables.id) throw error;
  if (!/nothingOfTheKind/.test((await urql().query('{ nothingOfTheKind }', {}).toPromise()).error?.message)) throw new Error('not said');
});
const follow = (client, id) =>
  new Promise((complete, fail) => {
    const statuses = [];
    const watching = client.subscription(WATCH, { id }).subscribe(({ data, error, hasNext }) => {
      if (error) fail(error);
      if (data) statuses.push(data.videoEvents.video.status);
      if (!hasNext || statuses.at(-1) === 'COMPLETED') queueMicrotask(() => (watching.unsubscribe(), complete(last(statuses))));
    });
  });
await check('urql: a subscription as server-sent events', async () => follow(urql({ fetchSubscriptions: true }), await made()));
await check('urql: a subscription over a WebSocket', async () => {
  const sockets = createClient({ url: url.replace(/^http/, 'ws'), webSocketImpl: WebSocket, connectionParams: headers });
  const forwardSubscription = ({ query = '', variables }) => ({
    subscribe: (sink) => ({ unsubscribe: sockets.subscribe({ query, variables }, sink) }),
  });
  const told = await follow(urql({}, [subscriptionExchange({ forwardSubscription })]), await made());
  await sockets.dispose();
  return told;
});
process.exit(failed ? 1 : 0);
