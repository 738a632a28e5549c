// The schema: asked for with the caller's key, and shown as types that lead to one another.

import { el, words } from "./dom.js";

const TYPE = "kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } }";
const ARGUMENT = `name description defaultValue type { ${TYPE} }`;
const INTROSPECTION = `query Introspection { __schema {
  queryType { name } mutationType { name } subscriptionType { name }
  types {
    kind name description
    fields(includeDeprecated: true) {
      name description isDeprecated deprecationReason type { ${TYPE} } args { ${ARGUMENT} }
    }
    inputFields { ${ARGUMENT} }
    enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason }
    possibleTypes { name }
    interfaces { name }
  }
} }`;
const HIDDEN =
  "The schema can not be read: this gateway shows none (it is in production and server.docs is not set). " +
  "Documents run all the same.";

export async function readSchema(ask) {
  const answer = await ask({ query: INTROSPECTION, operationName: "Introspection" });
  const said = await answer.json();
  if (said.data?.__schema) return said.data.__schema;
  const [error] = said.errors ?? [];
  throw new Error(error?.extensions?.code === "GRAPHQL_VALIDATION_FAILED" ? HIDDEN : (error?.message ?? "No schema came back"));
}

export function showSchema(schema, place, field) {
  const types = new Map(schema.types.filter((type) => !type.name.startsWith("__")).map((type) => [type.name, type]));
  const roots = [schema.queryType, schema.mutationType, schema.subscriptionType].filter(Boolean).map((root) => root.name);

  const open = (name) => {
    field.value = "";
    place.replaceChildren(
      el("p", {}, link("All types", index)),
      typeOf(types.get(name), open),
    );
  };
  const index = () => {
    const others = [...types.keys()].filter((name) => !roots.includes(name)).sort();
    place.replaceChildren(
      ...roots.map((name) => typeOf(types.get(name), open)),
      el("h4", {}, "Types"),
      el("ul", {}, others.map((name) => el("li", {}, link(name, () => open(name))))),
    );
  };
  const search = () => {
    const wanted = field.value.trim().toLowerCase();
    if (!wanted) return index();
    return place.replaceChildren(el("ul", {}, matching(types, wanted).map(([name, text]) =>
      el("li", {}, link(text, () => open(name))))));
  };
  field.oninput = search;
  index();
}

function matching(types, wanted) {
  const names = [...types.values()].flatMap((type) => [
    [type.name, type.name],
    ...(type.fields ?? type.inputFields ?? type.enumValues ?? []).map((one) => [type.name, `${type.name}.${one.name}`]),
  ]);
  return names.filter(([, text]) => text.toLowerCase().includes(wanted));
}

function link(text, follow) {
  return el("button", { type: "button", class: "link", onclick: follow }, text);
}

// A reference such as [Video!]!, whose name leads to the type.
function reference(type, open) {
  if (type.kind === "NON_NULL") return [reference(type.ofType, open), "!"];
  if (type.kind === "LIST") return ["[", reference(type.ofType, open), "]"];
  return link(type.name, () => open(type.name));
}

function typeOf(type, open) {
  const members = type.fields ?? type.inputFields ?? type.enumValues ?? [];
  const related = [...(type.possibleTypes ?? []), ...(type.interfaces ?? [])];
  return el(
    "section",
    {},
    el("h3", {}, type.name, el("span", { class: "type" }, type.kind.toLowerCase().replace("_", " "))),
    el("p", {}, words(type.description)),
    related.length ? el("p", {}, related.map((one) => [link(one.name, () => open(one.name)), " "])) : null,
    el("dl", {}, members.map((member) => memberOf(member, open))),
  );
}

function memberOf(member, open) {
  const args = member.args ?? [];
  return [
    el(
      "dt",
      {},
      el("code", { class: "name" }, member.name),
      member.type ? [": ", reference(member.type, open)] : null,
      member.defaultValue && member.defaultValue !== "null" ? el("span", { class: "type" }, `= ${member.defaultValue}`) : null,
      member.isDeprecated ? el("span", { class: "required" }, `deprecated: ${member.deprecationReason}`) : null,
    ),
    el(
      "dd",
      {},
      member.description ? el("p", {}, words(member.description)) : null,
      args.length ? el("dl", {}, args.map((one) => memberOf(one, open))) : null,
    ),
  ];
}
