// What every client here is told and tells: where the gateway is, with which key, and what must be true.
export const url = process.argv[2] ?? '';
export const authorization = `Bearer ${process.argv[3] ?? ''}`;

export function must(truth: unknown, what: string): asserts truth {
  if (!truth) throw new Error(what);
}

export function watched(statuses: string[]): void {
  must(statuses.at(-1)?.toLowerCase() === 'completed', `the last event says ${statuses.at(-1)}`);
  console.log(`created, read, listed, watched: ${statuses.join(' ')}`);
}
