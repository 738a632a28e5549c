// JSON Schemas as an OpenAPI document has them: shown, and made into samples.

import { el, folded, words } from "./dom.js";

const DEEPEST = 6;

export class Schemas {
  constructor(spec) {
    this.spec = spec;
  }

  // What a reference leads to; what stands beside it stays.
  resolve(schema) {
    if (!schema?.$ref) return schema ?? {};
    const { $ref, ...beside } = schema;
    const found = $ref.slice(2).split("/").reduce((place, step) => place?.[step], this.spec);
    return { ...found, ...beside };
  }

  // A schema's type in a few words.
  type(schema) {
    if (!schema) return "";
    if (schema.$ref) return schema.$ref.split("/").pop();
    const choices = schema.anyOf ?? schema.oneOf;
    if (choices) return choices.map((choice) => this.type(choice)).join(" or ");
    if (schema.const !== undefined) return JSON.stringify(schema.const);
    if (schema.type === "array") return `list of ${this.type(schema.items) || "anything"}`;
    if (schema.enum && schema.enum.length <= 4) return schema.enum.map((word) => JSON.stringify(word)).join(" | ");
    return [schema.type ?? "anything", schema.format].filter(Boolean).join(", ");
  }

  // A schema drawn: its words and bounds, and its properties, each of which opens.
  shape(schema) {
    const whole = this.resolve(schema);
    const properties = Object.entries(whole.properties ?? {});
    const inner = (whole.anyOf ?? whole.oneOf ?? (whole.items ? [whole.items] : [])).filter((one) => this.opens(one));
    return el(
      "div",
      { class: "shape" },
      whole.description ? el("p", {}, words(whole.description)) : null,
      this.bounds(whole),
      properties.length
        ? el("dl", {}, properties.map(([name, one]) => this.property(name, one, whole.required?.includes(name))))
        : null,
      inner.map((one) => folded(this.type(one), () => this.shape(one))),
    );
  }

  property(name, schema, required) {
    const whole = this.resolve(schema);
    const title = [
      el("code", { class: "name" }, name),
      el("span", { class: "type" }, this.type(schema)),
      required ? el("span", { class: "required" }, "required") : null,
    ];
    return [
      el("dt", {}, title),
      el(
        "dd",
        {},
        whole.description ? el("p", {}, words(whole.description)) : null,
        this.opens(schema) ? folded("more", () => this.shape(schema)) : this.bounds(whole),
      ),
    ];
  }

  // Whether there is more to see than its type.
  opens(schema) {
    const whole = this.resolve(schema);
    const choices = whole.anyOf ?? whole.oneOf ?? (whole.items ? [whole.items] : []);
    return Boolean(whole.properties || (schema.$ref && whole.enum) || choices.some((one) => this.opens(one)));
  }

  bounds(schema) {
    const words = ["default", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "pattern"];
    const said = words.filter((word) => schema[word] !== undefined && schema[word] !== null);
    const lines = said.map((word) => `${word}: ${JSON.stringify(schema[word])}`);
    if (schema.enum) lines.unshift(`one of ${schema.enum.map((word) => JSON.stringify(word)).join(", ")}`);
    return lines.length ? el("p", { class: "bounds" }, lines.join(" · ")) : null;
  }

  // A value that is of a schema: its required properties, and examples where it has them.
  sample(schema, depth = 0) {
    const whole = this.resolve(schema);
    if (whole.examples?.length) return whole.examples[0];
    if (whole.const !== undefined) return whole.const;
    if (whole.enum) return whole.enum[0];
    if (whole.anyOf || whole.oneOf) return this.sample((whole.anyOf ?? whole.oneOf)[0], depth);
    if (depth > DEEPEST) return null;
    if (whole.type === "array") return whole.minItems ? [this.sample(whole.items, depth + 1)] : [];
    if (whole.type === "object" || whole.properties) {
      const names = whole.required?.length ? whole.required : Object.keys(whole.properties ?? {});
      return Object.fromEntries(names.map((name) => [name, this.sample(whole.properties[name], depth + 1)]));
    }
    if (whole.type === "integer" || whole.type === "number") return whole.minimum ?? 0;
    return whole.type === "boolean" ? false : whole.type === "string" ? "" : null;
  }
}
