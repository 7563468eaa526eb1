/**
 * A reply of management for a terminal: a list as a table, anything else as names and values; or as JSON.
 *
 * What stands in it may have been chosen by anybody who may connect, so nothing of it reaches the terminal as
 * a control character.
 */

import type { Reply } from "./ctl_client.ts";

/** The whole reply in one line. */
export function asJson(reply: Reply): string {
  return harmless(JSON.stringify(reply));
}

/** The data of a reply; lines without the last line feed. */
export function asText({ data = {}, dryRun }: Reply): string {
  const list = listIn(data);
  const rest = Object.entries(data).filter(([name]) => name !== list?.name && name !== "next");
  const lines = [
    ...dryRun === true ? ["dry run: nothing was done"] : [],
    ...list === undefined ? [] : tableOf(list.items),
    ...list !== undefined && rest.length > 0 ? [""] : [],
    ...leavesOf(Object.fromEntries(rest)),
  ];
  return lines.join("\n");
}

/** The list that a reply is about: the first there is. An empty one has pages, or it is only a value. */
export function listIn(
  data: Readonly<Record<string, unknown>>,
): { readonly name: string; readonly items: readonly unknown[] } | undefined {
  for (const [name, items] of Object.entries(data)) {
    const isList = Array.isArray(items) && (items.length > 0 || "next" in data) &&
      items.every((item) => typeof item === "object" && item !== null && !Array.isArray(item));
    if (isList) return { name, items };
  }
  return undefined;
}

function tableOf(items: readonly unknown[]): readonly string[] {
  const rows = items as readonly Readonly<Record<string, unknown>>[];
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  if (columns.length === 0) return ["(none)"];
  return aligned([
    columns.map((column) => headOf(column)),
    ...rows.map((row) => columns.map((column) => cell(column, row[column]))),
  ]);
}

/** `CLIENT-ID` for `clientId`, as options have it. */
function headOf(column: string): string {
  return harmless(column).replace(/[A-Z]/g, (letter) => `-${letter}`).toUpperCase();
}

/** `session.clientId  pump` for each value that is in it. */
function leavesOf(data: Readonly<Record<string, unknown>>): readonly string[] {
  const rows: string[][] = [];
  const visit = (path: string, value: unknown) => {
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    if (!isObject || Object.keys(value).length === 0) {
      rows.push([harmless(path), cell(path, value)]);
      return;
    }
    for (const [name, inner] of Object.entries(value)) {
      visit(path === "" ? name : `${path}.${name}`, inner);
    }
  };
  for (const [name, value] of Object.entries(data)) visit(name, value);
  return aligned(rows);
}

function aligned(rows: readonly (readonly string[])[]): readonly string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((text, at) => widths[at] = Math.max(widths[at] ?? 0, text.length));
  }
  return rows.map((row) => row.map((text, at) => text.padEnd(widths[at]!)).join("  ").trimEnd());
}

/** Moments are milliseconds since 1970 in replies, and dates for people. */
const MOMENT = /(At|\buntil|\bsince)$/;
const EARLIEST = 1e12, LATEST = 8.64e15;

function cell(name: string, value: unknown): string {
  if (value === undefined || value === null) return "-";
  if (typeof value === "string") return value === "" ? '""' : harmless(value);
  if (typeof value === "number" && MOMENT.test(name) && value > EARLIEST && value < LATEST) {
    return new Date(value).toISOString();
  }
  return harmless(JSON.stringify(value));
}

/** Control characters, and what turns the direction of text round, as `\u001b`. */
export function harmless(text: string): string {
  return text.replace(
    // deno-lint-ignore no-control-regex -- they are what is looked for
    /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
