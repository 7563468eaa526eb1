/**
 * `dunlin schema`: the JSON Schema (draft 2020-12) of the configuration file, for editors.
 *
 * It describes the file as it is written, where `${…}` may stand in place of any single value.
 */

import { type SchemaNode, schemaOfFile } from "../server/config_expected.ts";

/** Prints the schema to standard output. @returns the exit status 0 */
export function schema(): number {
  console.log(JSON.stringify(fileSchema(), null, 2));
  return 0;
}

/** The schema as a value. */
export function fileSchema(): SchemaNode {
  return { title: "dunlin", ...withSubstitution(schemaOfFile()) };
}

/** Text that holds `${…}`: what it becomes is only known where the broker starts. */
const substitution: SchemaNode = {
  type: "string",
  pattern: "\\$\\{[^}]+\\}",
  description: "${NAME} is an environment variable, ${file:path} the text of a file.",
};

function withSubstitution(node: SchemaNode): SchemaNode {
  const { properties, items, oneOf } = node;
  if (properties !== undefined) {
    const inner = Object.entries(properties).map(([key, child]) => [key, withSubstitution(child)]);
    return { ...node, properties: Object.fromEntries(inner) };
  }
  if (items !== undefined) return { ...node, items: withSubstitution(items) };
  if (oneOf !== undefined) return { ...node, oneOf: oneOf.map(withSubstitution) };
  // A constant is the `type` of a listener, which says how the rest is to be read.
  if (node.const !== undefined || isAnyText(node)) return node;
  const { description, default: initial, ...constraints } = node;
  return {
    ...(description === undefined ? {} : { description }),
    ...(initial === undefined ? {} : { default: initial }),
    anyOf: [constraints, substitution],
  };
}

function isAnyText(node: SchemaNode): boolean {
  return node.type === "string" && node.enum === undefined && node.pattern === undefined;
}
