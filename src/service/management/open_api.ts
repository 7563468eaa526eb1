/**
 * The commands of management over HTTP as an OpenAPI 3.1 document, made of the same schemas that requests are
 * read with. Pure.
 */

import { refusalReasons } from "../service.ts";
import type { Command } from "./command.ts";
import type { Commands } from "./commands.ts";
import { inputSchemaOf } from "./input_schema.ts";
import { refusalStatus } from "./refusal_status.ts";

/** The path that every command is below. */
export const HTTP_PREFIX = "/api/v1";

/** Schemas that several commands share, by their names in the document. */
type Components = Map<string, unknown>;

/**
 * The document, a JSON value.
 *
 * @param version of the program
 */
export function openApi(commands: Commands, version: string): Readonly<Record<string, unknown>> {
  const components: Components = new Map<string, unknown>([
    ["Refusal", REFUSAL],
    ["Reason", { type: "string", enum: Object.keys(refusalReasons), description: reasonWords() }],
  ]);
  const paths = Object.fromEntries(
    Array.from(commands.values(), (command) => [
      `${HTTP_PREFIX}/${command.name}`,
      { post: operation(command, components) },
    ]),
  );
  return {
    openapi: "3.1.0",
    info: {
      title: "dunlin",
      version,
      description: "The commands of management, as they are asked below $CONTROL/dunlin/v1 too.",
    },
    servers: [{ url: "/" }],
    security: [{ basic: [] }, { bearer: [] }],
    paths,
    components: {
      securitySchemes: {
        basic: { type: "http", scheme: "basic" },
        bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT" },
      },
      schemas: Object.fromEntries(components),
    },
  };
}

function operation(command: Command, components: Components) {
  const { name, help, example } = command;
  return {
    operationId: name.replace(/[/-](.)/g, (_, letter: string) => letter.toUpperCase()),
    summary: help,
    description: `Permitted to whom publishing to \`$CONTROL/dunlin/v1/${name}\` is.`,
    tags: [name.split("/")[0]],
    requestBody: {
      required: false,
      content: { "application/json": { schema: schemaOf(command, components), example } },
    },
    responses: {
      200: {
        description: "It was done, or with dryRun could be.",
        content: { "application/json": { schema: replySchema(name) } },
      },
      ...refusals(),
    },
  };
}

/** The input schema, with what it defines moved to where the document keeps such. */
function schemaOf(command: Command, components: Components): unknown {
  const { $schema: _, $defs, ...schema } = inputSchemaOf(command) as {
    readonly $schema?: unknown;
    readonly $defs?: Readonly<Record<string, unknown>>;
  };
  const names = new Map<string, string>();
  for (const [name, definition] of Object.entries($defs ?? {})) {
    const known = components.get(name);
    const same = known === undefined ||
      JSON.stringify(known) === JSON.stringify(moved(definition, new Map([[name, name]])));
    names.set(name, same ? name : `${command.name.replaceAll("/", ".")}.${name}`);
  }
  for (const [name, definition] of Object.entries($defs ?? {})) {
    components.set(names.get(name)!, moved(definition, names));
  }
  return moved(schema, names);
}

/** The schema with its references pointing to where the definitions are now. */
function moved(schema: unknown, names: ReadonlyMap<string, string>): unknown {
  if (Array.isArray(schema)) return schema.map((item) => moved(item, names));
  if (typeof schema !== "object" || schema === null) return schema;
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) => {
      if (key !== "$ref" || typeof value !== "string") return [key, moved(value, names)];
      const name = value.replace(/^#\/\$defs\//, "");
      return [key, `#/components/schemas/${names.get(name) ?? name}`];
    }),
  );
}

function replySchema(command: string) {
  return {
    type: "object",
    required: ["ok", "command", "data"],
    properties: {
      ok: { const: true },
      command: { const: command },
      dryRun: { const: true, description: "Nothing was done." },
      data: { type: "object" },
    },
  };
}

const REFUSAL = {
  type: "object",
  required: ["ok", "error"],
  properties: {
    ok: { const: false },
    command: { type: "string" },
    error: {
      type: "object",
      required: ["reason", "detail"],
      properties: {
        reason: { $ref: "#/components/schemas/Reason" },
        detail: { type: "string", description: "For people." },
      },
    },
  },
};

function reasonWords(): string {
  return Object.entries(refusalReasons).map(([reason, words]) => `${reason}: ${words}`).join("; ");
}

/** A response for each status, with the reasons that it has. */
function refusals() {
  const byStatus: Record<number, { description: string; content: unknown }> = {
    401: refusal("It is not proven who asks."),
    415: refusal("The body is not said to be application/json."),
    503: refusal("The broker starts, or cannot find out who asks."),
  };
  for (const [reason, status] of Object.entries(refusalStatus)) {
    const before = byStatus[status];
    byStatus[status] = refusal(before === undefined ? reason : `${before.description}, ${reason}`);
  }
  return byStatus;
}

function refusal(description: string) {
  const schema = { $ref: "#/components/schemas/Refusal" };
  return { description, content: { "application/json": { schema } } };
}
