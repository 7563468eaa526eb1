/**
 * What a command takes, as JSON Schema (draft 2020-12): for the command line, which makes options of it, and
 * for the OpenAPI document. Pure.
 */

import * as z from "zod";
import type { Command } from "./command.ts";

/** The part of JSON Schema that a property of an input has to have for an option to be made of it. */
export interface PropertySchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly items?: PropertySchema;
}

export interface InputSchema {
  readonly properties: Readonly<Record<string, PropertySchema>>;
  readonly required?: readonly string[];
  /** Schemas that others refer to as `#/$defs/{name}`. */
  readonly $defs?: Readonly<Record<string, unknown>>;
}

/** The schema of what may be sent: what has a default may be absent. */
export function inputSchemaOf({ input }: Command): InputSchema {
  return z.toJSONSchema(input, { io: "input" }) as InputSchema;
}
