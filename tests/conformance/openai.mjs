// OpenAI's SDK for Node, unmodified: node openai.mjs BASE_URL KEY.
import OpenAI, { toFile } from 'openai';

const [baseURL, apiKey] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey });
const wish = { model: 'auto', seconds: '8', size: '1280x720' };
const pixel = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==', 'base64');
const FIELDS = 'id object status progress created_at completed_at expires_at model prompt seconds size remixed_from_video_id error'.split(' ');
let failed = 0;

function must(truth, what) {
  if (!truth) throw new Error(what);
}
async function check(name, story) {
  try {
    console.log('ok  ', name, (await story()) ?? '');
  } catch (error) {
    failed += 1;
    console.log('FAIL', name, error.message ?? error);
  }
}
async function ended(video) {
  while (['queued', 'in_progress'].includes(video.status)) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    video = await client.videos.retrieve(video.id);
  }
  return video;
}
async function refusal(call) {
  try {
    await call();
  } catch (error) {
    must(error.status && error.code && error.type && error.requestID, `bare error: ${error.message}`);
    return `${error.status} ${error.code}`;
  }
  throw new Error('was not refused');
}

let film;
await check('create and follow', async () => {
  const made = await client.videos.create({ prompt: 'a paper boat', ...wish });
  must(FIELDS.every((field) => field in made), Object.keys(made).join());
  film = await ended(made);
  must(film.status === 'completed' && film.progress === 100 && typeof film.seconds === 'string', JSON.stringify(film));
});
await check('create with a picture, as a file and by a link', async () => {
  const file = await toFile(pixel, 'pixel.png', { type: 'image/png' });
  await client.videos.create({ prompt: 'it sails', input_reference: file, ...wish });
  const image_url = `data:image/png;base64,${pixel.toString('base64')}`;
  await client.videos.create({ prompt: 'it sails on', input_reference: { image_url }, ...wish });
});
await check('a generation that fails', async () => {
  const { status, error } = await ended(await client.videos.create({ prompt: 'fail:moderation', ...wish }));
  must(status === 'failed' && error.code && error.message, status);
  return error.code;
});
await check('list, page after page', async () => {
  const ids = [];
  for await (const video of client.videos.list({ limit: 2 })) ids.push(video.id);
  must(ids.length > 3 && new Set(ids).size === ids.length, ids.join());
  return ids.length;
});
for (const variant of ['video', 'thumbnail', 'spritesheet']) {
  await check(`download: ${variant}`, async () => {
    const answer = await client.videos.downloadContent(film.id, { variant });
    must((await answer.arrayBuffer()).byteLength > 500, 'it is small');
    return answer.headers.get('content-type');
  });
}
await check('remix, edit, extend', async () => {
  must((await client.videos.remix(film.id, { prompt: 'again' })).remixed_from_video_id === film.id, 'it says of what');
  await client.videos.edit({ prompt: 'at night', video: { id: film.id } });
  await client.videos.extend({ prompt: 'and on', seconds: '4', video: { id: film.id } });
});
await check('webhook endpoints', async () => {
  const made = await client.webhooks.create({ name: 'n', url: 'https://example.com/h', event_types: ['video.completed'] });
  must(made.signing_secret.startsWith('whsec_'), 'its secret is told');
  must((await client.webhooks.retrieve(made.id)).id === made.id, 'it is read');
  must((await client.webhooks.delete(made.id)).deleted, 'it is removed');
});
await check('models', async () => {
  const names = [];
  for await (const model of client.models.list()) names.push(model.id);
  must(names.includes('auto'), names.join());
});
await check('refusals are typed', async () => [
  await refusal(() => new OpenAI({ baseURL, apiKey: 'sk-wrong', maxRetries: 0 }).videos.list()),
  await refusal(() => client.videos.retrieve('video_does_not_exist')),
  await refusal(() => client.videos.create({ prompt: '', ...wish })),
].join(', '));
await check('delete', async () => {
  must((await client.videos.delete(film.id)).deleted, 'it is deleted');
  return refusal(() => client.videos.retrieve(film.id));
});
process.exit(failed ? 1 : 0);
