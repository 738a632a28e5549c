// Which operations a GraphQL document holds: enough reading to choose one, no more.

const TOKEN = /"""[\s\S]*?"""|"(?:\\.|[^"\\\n])*"|#[^\n]*|[_A-Za-z]\w*|[{}()[\]]/g;
const KINDS = ["query", "mutation", "subscription"];

export function operations(text) {
  const found = [];
  let depth = 0;
  let head = null;
  for (const [token] of text.matchAll(TOKEN)) {
    if (token.startsWith('"') || token.startsWith("#")) continue;
    if ("{([".includes(token)) {
      if (depth === 0 && token === "{" && head === null) found.push({ kind: "query", name: null });
      if (depth === 0 && token === "{") head = null;
      depth += 1;
    } else if ("})]".includes(token)) depth -= 1;
    else if (depth === 0 && head === null) {
      head = { kind: token, name: null };
      if (KINDS.includes(token)) found.push(head);
    } else if (depth === 0 && head.name === null) head.name = token;
  }
  return found;
}
