// openapi-typescript's types and openapi-fetch: create, read, list, watch, and a refusal with its type.
import createClient from 'openapi-fetch';
import type { paths } from './rest.js';
import { authorization, must, url, watched } from './said.js';

const client = createClient<paths>({ baseUrl: url, headers: { authorization } });

const made = await client.POST('/v1/videos', { body: { prompt: 'a paper boat in the rain', seconds: 5 } });
must(made.data, JSON.stringify(made.error));
const { id } = made.data;

const one = await client.GET('/v1/videos/{video_id}', { params: { path: { video_id: id } } });
must(one.data?.id === id, JSON.stringify(one.error));

const page = await client.GET('/v1/videos', { params: { query: { limit: 5, order: 'desc' } } });
must(page.data?.data.some((video) => video.id === id), 'the list holds the video');

const statuses: string[] = [];
const stream = await client.GET('/v1/videos/{video_id}/events', {
  params: { path: { video_id: id } },
  parseAs: 'stream',
});
must(stream.data, JSON.stringify(stream.error));
const text = await new Response(stream.data as ReadableStream).text();
for (const line of text.split('\n')) {
  if (line.startsWith('data: ')) statuses.push(JSON.parse(line.slice(6)).data.status);
}

const refused = await client.GET('/v1/videos/{video_id}', { params: { path: { video_id: 'video_nothing' } } });
must(refused.error?.code === 'not_found' && refused.error.status === 404, 'a refusal is a typed problem');
watched(statuses);
