/**
 * What a command of management takes as options of the command line, made of its schema: `clientId` becomes
 * `--client-id <text>`, a boolean `--connected [true|false]`, what is no single value `--rule <json>`.
 *
 * What has a default is not sent: the broker knows it.
 */

import { InvalidArgumentError, Option } from "commander";
import type { Command } from "../service/management/command.ts";
import type { PropertySchema } from "../service/management/input_schema.ts";
import { inputSchemaOf } from "../service/management/input_schema.ts";

/** The options of a command, by the names of what they say. */
export function optionsFor(command: Command): ReadonlyMap<string, Option> {
  const { properties, required = [] } = inputSchemaOf(command);
  return new Map(
    Object.entries(properties).map(([name, property]) => [
      name,
      optionOf(name, property, required.includes(name)),
    ]),
  );
}

/** The flag of a property, `--client-id`. */
export function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** What of the input is missing: flags of options that have to be there. */
export function missingFlags(
  command: Command,
  input: Readonly<Record<string, unknown>>,
): readonly string[] {
  const { required = [] } = inputSchemaOf(command);
  return required.filter((name) => input[name] === undefined).map(flagOf);
}

function optionOf(name: string, property: PropertySchema, required: boolean): Option {
  const { type, description = "", enum: values } = property;
  const flag = flagOf(name);
  const words = [
    description,
    ...required ? ["Has to be there."] : [],
    ...property.default === undefined || type === "boolean"
      ? []
      : [`Default: ${JSON.stringify(property.default)}.`],
  ].join(" ");
  const option = (value: string) => {
    const made = new Option(`${flag} ${value}`, words);
    made.negate = false; // --no-local is a name here, and not the opposite of --local
    return made;
  };
  if (values !== undefined) {
    return option("<word>").choices(values.map(String));
  }
  switch (type) {
    case "boolean":
      return option("[true|false]").argParser(booleanOf).preset("true");
    case "integer":
    case "number":
      return option("<number>").argParser(numberOf);
    case "string":
      return option("<text>");
    default:
      return option("<json>").argParser(jsonOf);
  }
}

function booleanOf(text: string): boolean {
  if (text === "true" || text === "false") return text === "true";
  throw new InvalidArgumentError("Allowed: true or false.");
}

function numberOf(text: string): number {
  const number = Number(text);
  if (/^-?\d{1,16}$/.test(text) && Number.isSafeInteger(number)) return number;
  throw new InvalidArgumentError("Expected a whole number.");
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InvalidArgumentError(`Expected JSON: ${error instanceof Error ? error.message : ""}`);
  }
}
