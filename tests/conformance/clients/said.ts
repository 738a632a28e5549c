// What every client here is told and tells: where the gateway is, with which key, and what must be true.
export const url = process.env.GATEWAY_URL ?? '';
export const authorization = `Bearer ${process.env.GATEWAY_KEY ?? ''}`;

export function must(truth: unknown, what: string): asserts truth {
  if (!truth) throw new Error(what);
}

export function watched(statuses: string[]): void {
  must(statuses.at(-1)?.toLowerCase() === 'completed', `the last event says ${statuses.at(-1)}`);
  console.log(`created, read, listed, watched: ${statuses.join(' ')}`);
}
