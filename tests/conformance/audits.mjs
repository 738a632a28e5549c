// graphql-http's audits of a GraphQL server: node audits.mjs URL AUTHORIZATION [ids that may differ, parted by commas].
// Fails when any other differs, or one of those does not: what an edition changes is known exactly.
import { serverAudits } from 'graphql-http';

const [url, authorization, expected = ''] = process.argv.slice(2);
const fetchFn = (to, init = {}) =>
  fetch(to, { ...init, headers: { ...Object.fromEntries(new Headers(init.headers)), authorization } });
const audits = serverAudits({ url, fetchFn });
const differing = [];
for (const audit of audits) {
  const result = await audit.fn();
  if (result.status !== 'ok') {
    differing.push(audit.id);
    if (!expected) console.log(result.status, audit.id, audit.name, result.reason);
  }
}
const known = expected.split(',').filter(Boolean).sort().join();
console.log(`${audits.length - differing.length}/${audits.length} audits; ${differing.length} differ`);
if (differing.sort().join() !== known) {
  console.log(`differing: ${differing.join()}`);
  process.exit(1);
}
