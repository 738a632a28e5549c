// The page /graphiql: write a document, run it, see what comes, and read the schema beside it.

import { authorization, el, find, pretty } from "./dom.js";
import { EXAMPLES } from "./examples.js";
import { operations } from "./operations.js";
import { readSchema, showSchema } from "./introspection.js";
import { events } from "./streams.js";

const MOST_RESULTS = 200;
const ANSWER = "application/graphql-response+json, application/json;q=0.9";
const STREAM = "text/event-stream";

let running = null;

// A field that holds a JSON object, or nothing.
function object(field, name) {
  const text = field.value.trim();
  if (!text) return {};
  const value = JSON.parse(text);
  if (value === null || typeof value !== "object" || Array.isArray(value)) throw new Error(`${name} must be an object`);
  return value;
}

function choose() {
  const found = operations(find("#query").value);
  const before = find("#operation").value;
  const named = found.filter((one) => one.name);
  find("#operation").replaceChildren(...named.map((one) => el("option", {}, one.name)));
  if (named.some((one) => one.name === before)) find("#operation").value = before;
}

// The operation that would run: the chosen one, or the only one.
function chosen() {
  const found = operations(find("#query").value);
  return found.find((one) => one.name && one.name === find("#operation").value) ?? found[0] ?? { kind: "query", name: null };
}

function tell(text, bad = false) {
  find("#status").textContent = text;
  find("#status").className = bad ? "bad" : "";
}

function show(text) {
  const results = find("#results");
  results.prepend(el("pre", {}, pretty(text)));
  while (results.children.length > MOST_RESULTS) results.lastChild.remove();
}

export async function ask(body, { headers = {}, accept = ANSWER, signal } = {}) {
  return fetch("graphql", {
    method: "POST",
    headers: { ...authorization(), Accept: accept, "Content-Type": "application/json", ...headers },
    body: JSON.stringify(body),
    credentials: "omit",
    cache: "no-store",
    signal,
  });
}

async function run() {
  stop();
  const mine = (running = new AbortController());
  find("#results").replaceChildren();
  find("#stop").disabled = false;
  tell("Asking…");
  const began = performance.now();
  const passed = () => `${Math.round(performance.now() - began)} ms`;
  try {
    const { kind, name } = chosen();
    const body = { query: find("#query").value, variables: object(find("#variables"), "Variables") };
    if (name) body.operationName = name;
    const accept = kind === "subscription" ? STREAM : ANSWER;
    const answer = await ask(body, { headers: object(find("#headers"), "Headers"), accept, signal: mine.signal });
    if (!(answer.headers.get("content-type") ?? "").startsWith(STREAM)) {
      show(await answer.text());
      tell(`${answer.status} ${answer.statusText} after ${passed()}`, !answer.ok);
      return;
    }
    let count = 0;
    for await (const event of events(answer.body)) {
      if (event.name === "complete") break;
      show(event.data);
      tell(`${(count += 1)} so far, ${passed()}`);
    }
    tell(`Ended after ${count}, ${passed()}`);
  } catch (error) {
    if (error.name === "AbortError") tell(`Stopped after ${passed()}`);
    else tell(error.message, true);
  } finally {
    if (running === mine) {
      running = null;
      find("#stop").disabled = true;
    }
  }
}

function stop() {
  running?.abort();
}

function use(example) {
  find("#query").value = example.query;
  find("#variables").value = JSON.stringify(example.variables ?? {}, null, 2);
  choose();
}

async function load() {
  const place = find("#schema");
  place.replaceChildren("Reading…");
  try {
    const schema = await readSchema(ask);
    showSchema(schema, place, find("#find"));
    document.body.dataset.types = schema.types.length;
  } catch (error) {
    place.replaceChildren(el("p", { class: "bad" }, error.message));
  }
}

find("#example").replaceChildren(...EXAMPLES.map((example) => el("option", {}, example.title)));
find("#example").addEventListener("change", (event) => use(EXAMPLES[event.target.selectedIndex]));
find("#query").addEventListener("input", choose);
find("#stop").addEventListener("click", stop);
find("#load").addEventListener("click", load);
find("#asking").addEventListener("submit", (event) => {
  event.preventDefault();
  run();
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  run();
});
use(EXAMPLES[0]);
document.body.dataset.ready = "true";
