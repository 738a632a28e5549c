// One operation as a form: fill it in, send it, see the answer, and take the same along as a curl command.

import { el, labelled, pretty } from "./dom.js";

const JSON_TYPE = "application/json";

function field(parameter, schemas) {
  const schema = schemas.resolve(parameter.schema);
  const words = schema.enum ?? (schema.type === "boolean" ? ["true", "false"] : null);
  const name = { name: parameter.name, required: parameter.required };
  if (words) return el("select", name, el("option", { value: "" }, ""), words.map((word) => el("option", {}, word)));
  return el("input", { ...name, type: "text", autocomplete: "off", spellcheck: "false", placeholder: schemas.type(schema) });
}

function bodyOf(operation, schemas) {
  const contents = Object.entries(operation.requestBody?.content ?? {});
  const [media, form] = contents.find(([name]) => name === JSON_TYPE) ?? contents[0] ?? [];
  if (!media) return null;
  const example = Object.values(form.examples ?? {})[0]?.value ?? (media === JSON_TYPE ? schemas.sample(form.schema) : "");
  const text = el("textarea", { rows: "10", spellcheck: "false" });
  text.value = typeof example === "string" ? example : JSON.stringify(example, null, 2);
  return { media, text };
}

// What the form says, as one request: a relative address, so that it goes to the gateway that served this page.
function requestOf(method, path, fields, body) {
  let address = path;
  const query = new URLSearchParams();
  const headers = {};
  for (const { parameter, input } of fields) {
    const value = input.value;
    if (parameter.in === "path") address = address.replace(`{${parameter.name}}`, encodeURIComponent(value).replaceAll("%2F", "/"));
    else if (value && parameter.in === "query") query.append(parameter.name, value);
    else if (value && parameter.in === "header") headers[parameter.name] = value;
  }
  if (body) headers["Content-Type"] = body.media;
  const whole = query.size ? `${address}?${query}` : address;
  return { method: method.toUpperCase(), address: whole, headers, body: body ? body.text.value : null };
}

function quoted(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function curl(request, keyed) {
  const url = new URL(`.${request.address}`, document.baseURI).href;
  const headers = Object.entries(request.headers).map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`);
  if (keyed) headers.unshift('-H "Authorization: Bearer $FILMGATE_KEY"');
  const data = request.body === null ? [] : [`--data-binary ${quoted(request.body)}`];
  return ["curl -i", request.method === "GET" ? "" : `-X ${request.method}`, ...headers, ...data, quoted(url)]
    .filter(Boolean)
    .join(" ");
}

async function shown(answer) {
  const media = answer.headers.get("content-type") ?? "";
  if (/json/.test(media)) return el("pre", {}, pretty(await answer.text()));
  if (/^text\//.test(media)) return el("pre", {}, await answer.text());
  const blob = await answer.blob();
  if (!blob.size) return el("p", {}, "No body.");
  const name = /filename="([^"]+)"/.exec(answer.headers.get("content-disposition") ?? "")?.[1] ?? "answer.bin";
  const url = URL.createObjectURL(blob);
  return el("p", {}, `${blob.size} bytes of ${media || "something"}: `, el("a", { href: url, download: name }, `save as ${name}`));
}

export function trial(schemas, method, path, operation, authorization) {
  const fields = operation.parameters.map((parameter) => ({ parameter, input: field(parameter, schemas) }));
  const body = bodyOf(operation, schemas);
  const command = el("pre", { class: "curl" });
  const result = el("output", { "aria-live": "polite" });
  const keyed = operation.security.length > 0;

  function told() {
    command.textContent = curl(requestOf(method, path, fields, body), keyed);
  }

  async function send(event) {
    event.preventDefault();
    const request = requestOf(method, path, fields, body);
    const began = performance.now();
    result.replaceChildren("Asking…");
    try {
      const answer = await fetch(new URL(`.${request.address}`, document.baseURI), {
        method: request.method,
        headers: { ...(keyed ? authorization() : {}), ...request.headers },
        body: request.body,
        credentials: "omit",
        cache: "no-store",
      });
      const content = await shown(answer);
      const headers = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
      result.replaceChildren(
        el("p", {}, el("strong", { class: answer.ok ? "good" : "bad" }, `${answer.status} ${answer.statusText}`),
          ` after ${Math.round(performance.now() - began)} ms`),
        content,
        el("details", {}, el("summary", {}, "Headers"), el("pre", {}, headers)),
      );
    } catch (error) {
      result.replaceChildren(el("p", { class: "bad" }, `No answer: ${error.message}`));
    }
  }

  const form = el(
    "form",
    { class: "trial", onsubmit: send, oninput: told, onchange: told },
    fields.map(({ parameter, input }) => labelled(`${parameter.name} (${parameter.in})`, input)),
    body ? labelled(`Body, ${body.media}`, body.text) : null,
    el("button", { type: "submit" }, "Send"),
    command,
    result,
  );
  told();
  return el("div", {}, el("h4", {}, "Try it"), form);
}
