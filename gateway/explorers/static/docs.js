// The page /docs: every operation of openapi.json, with what it takes and gives, and a form to try it with.

import { authorization, el, find, folded, words } from "./dom.js";
import { Schemas } from "./schemas.js";
import { trial } from "./trial.js";

function headers(schemas, reply) {
  const named = Object.entries(reply.headers ?? {});
  if (!named.length) return null;
  return folded("Headers", () =>
    el("dl", {}, named.map(([name, header]) => [
      el("dt", {}, el("code", {}, name)),
      el("dd", {}, words(schemas.resolve(header).description)),
    ])),
  );
}

function content(schemas, title, media, form) {
  const example = Object.values(form.examples ?? {})[0]?.value;
  return el(
    "div",
    { class: "content" },
    el("p", {}, title, " ", el("code", {}, media), " ", el("span", { class: "type" }, schemas.type(form.schema))),
    schemas.opens(form.schema) ? folded("Fields", () => schemas.shape(form.schema)) : schemas.shape(form.schema),
    example === undefined ? null : folded("Example", () => el("pre", {}, JSON.stringify(example, null, 2))),
  );
}

function parameters(schemas, operation) {
  if (!operation.parameters.length) return null;
  return [
    el("h4", {}, "Parameters"),
    el("dl", {}, operation.parameters.map((one) =>
      schemas.property(one.name, { ...one.schema, description: `In the ${one.in}. ${one.description}` }, one.required),
    )),
  ];
}

function body(schemas, operation) {
  const contents = Object.entries(operation.requestBody?.content ?? {});
  if (!contents.length) return null;
  const [[media, form], ...others] = contents;
  const also = others.length ? `Also as ${others.map(([name]) => name).join(" or ")}.` : "";
  return [el("h4", {}, "Body"), content(schemas, "As", media, form), also ? el("p", {}, also) : null];
}

function replies(schemas, operation) {
  return [
    el("h4", {}, "Answers"),
    Object.entries(operation.responses).map(([status, given]) => {
      const reply = schemas.resolve(given);
      return folded(
        [el("code", { class: status < "400" ? "good" : "bad" }, status), " ", words(reply.description)],
        () => el(
          "div",
          {},
          Object.entries(reply.content ?? {}).map(([media, form]) => content(schemas, "As", media, form)),
          headers(schemas, reply),
        ),
      );
    }),
  ];
}

function operationOf(schemas, method, path, operation) {
  const title = [
    el("span", { class: `method ${method}` }, method.toUpperCase()),
    el("code", { class: "path" }, path),
    el("span", { class: "summary" }, operation.summary),
  ];
  const details = folded(title, () =>
    el(
      "div",
      { class: "inside" },
      el("p", {}, words(operation.description)),
      parameters(schemas, operation),
      body(schemas, operation),
      replies(schemas, operation),
      trial(schemas, method, path, operation, authorization),
    ), { class: "operation", id: operation.operationId });
  details.dataset.text = `${method} ${path} ${operation.operationId} ${operation.summary}`.toLowerCase();
  return details;
}

function filter(event) {
  const wanted = event.target.value.trim().toLowerCase();
  for (const section of document.querySelectorAll("section.tag")) {
    const operations = [...section.querySelectorAll("details.operation")];
    for (const one of operations) one.hidden = !one.dataset.text.includes(wanted);
    section.hidden = operations.every((one) => one.hidden);
  }
}

// Open what the address names: /docs#createVideo.
function follow() {
  const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (named?.tagName !== "DETAILS") return;
  named.open = true;
  named.scrollIntoView();
}

function draw(spec) {
  const schemas = new Schemas(spec);
  const operations = Object.entries(spec.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ method, path, operation })),
  );
  find("#version").textContent = spec.info.version;
  find("#about").replaceChildren(...words(spec.info.description));
  find("#operations").replaceChildren(...spec.tags.map((tag) =>
    el(
      "section",
      { class: "tag" },
      el("h2", {}, tag.name),
      el("p", {}, words(tag.description)),
      operations
        .filter(({ operation }) => operation.tags.includes(tag.name))
        .map(({ method, path, operation }) => operationOf(schemas, method, path, operation)),
    ),
  ));
  find("#filter").addEventListener("input", filter);
  window.addEventListener("hashchange", follow);
  follow();
  document.body.dataset.ready = operations.length;
}

try {
  const answer = await fetch("openapi.json");
  if (!answer.ok) throw new Error(`openapi.json was answered with ${answer.status}`);
  draw(await answer.json());
} catch (error) {
  find("#operations").replaceChildren(el("p", { class: "bad" }, `The description could not be read: ${error.message}`));
}
