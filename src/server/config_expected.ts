/**
 * What is allowed at a place of the configuration, in words, read from the JSON Schema.
 *
 * One source for the ranges in problems and in `dunlin schema`. It must not hold a range itself.
 */

import * as z from "zod";
import { limitTable } from "../policy/limit_table.ts";
import { configFileSchema } from "./config_schema.ts";
import { type Path, pathText } from "./config_problem.ts";

/** The part of a JSON Schema that the configuration uses. */
export interface SchemaNode {
  type?: string;
  description?: string;
  properties?: Record<string, SchemaNode>;
  items?: SchemaNode;
  oneOf?: SchemaNode[];
  anyOf?: SchemaNode[];
  $defs?: Record<string, SchemaNode>;
  enum?: unknown[];
  const?: unknown;
  examples?: unknown[];
  pattern?: string;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
  maxLength?: number;
  default?: unknown;
  [keyword: string]: unknown;
}

/** The JSON Schema (draft 2020-12) of the file before `${…}` is replaced in it. */
export function schemaOfFile(): SchemaNode {
  return z.toJSONSchema(configFileSchema, { io: "input", target: "draft-2020-12" }) as SchemaNode;
}

let root: SchemaNode | undefined;

/** Made when it is first needed, which is not where all is well: it takes a tenth of the start. */
function rootSchema(): SchemaNode {
  return root ??= schemaOfFile();
}

/**
 * The schema of a place, or undefined for a key that is not known.
 *
 * @param value the file's value, whose `type` says which kind of listener a place is in
 */
export function schemaAt(path: Path, value: unknown): SchemaNode | undefined {
  let node: SchemaNode | undefined = branchFor(rootSchema(), value);
  let here = value;
  for (const part of path) {
    here = childOf(here, part);
    const child: SchemaNode | undefined = typeof part === "number"
      ? node?.items
      : ownProperty(node?.properties, part);
    node = child === undefined ? undefined : branchFor(child, here);
  }
  return node;
}

/** What is allowed at a place, in words: "a whole number of bytes from 128 to 268,435,460". */
export function expectedAt(path: Path, value: unknown): string {
  const node = schemaAt(path, value);
  if (node === undefined) return "a key that is known";
  const name = path[1];
  const unit = path[0] === "limits" && typeof name === "string" && Object.hasOwn(limitTable, name)
    ? limitTable[name as keyof typeof limitTable].unit
    : undefined;
  return inWords(node, unit);
}

/** The texts that are allowed at a place, where it allows certain texts only. */
export function choicesAt(path: Path, value: unknown): string[] {
  const node = schemaAt(path, value);
  return choices(node).filter((choice) => typeof choice === "string");
}

/** The keys that are known at a place. */
export function keysAt(path: Path, value: unknown): string[] {
  return Object.keys(schemaAt(path, value)?.properties ?? {});
}

/** Every place that the schema knows outside of lists: `limits.receiveMaximum`, `store`. */
export function knownPaths(): string[] {
  const paths: string[] = [];
  collect(rootSchema(), []);
  return paths;

  function collect(node: SchemaNode, path: Path): void {
    for (const [key, child] of Object.entries(node.properties ?? {})) {
      paths.push(pathText([...path, key]));
      collect(child, [...path, key]);
    }
  }
}

function inWords(node: SchemaNode, unit: string | undefined): string {
  const allowed = choices(node);
  if (allowed.length > 0) {
    const list = allowed.map((choice) => JSON.stringify(choice)).join(", ");
    return allowed.length === 1 ? list : `one of ${list}`;
  }
  if (node.oneOf !== undefined) {
    const types = node.oneOf.map((branch) => JSON.stringify(branch.properties?.["type"]?.const));
    return `an object { } whose "type" is ${types.join(" or ")}`;
  }
  if (node.anyOf !== undefined) return node.anyOf.map((one) => inWords(one, unit)).join(", or ");
  switch (node.type) {
    case "integer":
      return `a whole number ${unit === undefined ? "" : `of ${unit} `}from ${
        grouped(node.minimum)
      } to ${grouped(node.maximum)}`;
    case "boolean":
      return "true or false";
    case "string":
      if (node.examples !== undefined) return `text like ${JSON.stringify(node.examples[0])}`;
      return node.maxLength === undefined
        ? "text"
        : `text of 1 to ${grouped(node.maxLength)} characters`;
    case "array":
      return `a list [ ] of ${grouped(node.minItems)} to ${grouped(node.maxItems)} elements`;
    default:
      return "an object { }";
  }
}

function choices(node: SchemaNode | undefined): unknown[] {
  if (node?.enum !== undefined) return node.enum;
  if (node?.const !== undefined) return [node.const];
  return [];
}

/** What nests is written once and referred to. */
function referred(node: SchemaNode): SchemaNode {
  const name = /^#\/\$defs\/(.+)$/.exec(String(node["$ref"]))?.[1];
  return name === undefined ? node : ownProperty(rootSchema().$defs, name) ?? node;
}

/** Of several alternatives the one whose `type` the value names; all of them when it names none. */
function branchFor(given: SchemaNode, value: unknown): SchemaNode {
  const node = referred(given);
  const type = childOf(value, "type");
  if (isObject(value)) { // of a text or an object it is the object that has keys
    const object = node.anyOf?.map(referred).find((one) => one.properties !== undefined);
    if (object !== undefined) return object;
  }
  const branch = node.oneOf?.find((one) => one.properties?.["type"]?.const === type);
  if (branch !== undefined) return branch;
  if (node.oneOf === undefined || type === undefined) return node;
  const types = node.oneOf.map((one) => one.properties?.["type"]?.const);
  return { ...node, properties: { type: { type: "string", enum: types } } };
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function childOf(value: unknown, part: string | number): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return Object.hasOwn(value, part) ? (value as Record<string | number, unknown>)[part] : undefined;
}

function ownProperty(
  properties: Record<string, SchemaNode> | undefined,
  key: string,
): SchemaNode | undefined {
  return properties !== undefined && Object.hasOwn(properties, key) ? properties[key] : undefined;
}

/** Digits in groups of three, the same in every locale. */
function grouped(value: number | undefined): string {
  return String(value ?? 0).replace(/\B(?=(\d{3})+$)/g, ",");
}
