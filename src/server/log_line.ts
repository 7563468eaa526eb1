/**
 * One record of the log as one line, in text for people or in JSON for programs.
 *
 * Field values come from clients, so everything that could end a line, colour a terminal or turn
 * the direction of writing is escaped. It must not write anything itself.
 */

/** One record. */
export interface LogLine {
  /** ISO 8601 in UTC. */
  readonly time: string;
  readonly level: string;
  readonly category: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Longest message or value written, in UTF-16 units: a Topic Name may have 65,535. */
const longestText = 2_048;
const mostFields = 64;

/** `time LEVEL category: message name=value name="value with blanks"` and a line feed. */
export function textLine({ time, level, category, message, fields }: LogLine): string {
  let line = `${time} ${level.toUpperCase().padEnd(5)} ${escaped(category)}: ${
    escaped(shortened(message))
  }`;
  for (const [name, value] of fieldsOf(fields)) {
    const shown = typeof value === "string" && !/^[\w.:/@+#$-]+$/.test(value)
      ? JSON.stringify(value)
      : String(value);
    line += ` ${escaped(name)}=${escaped(shown)}`;
  }
  return `${line}\n`;
}

/**
 * One JSON object and a line feed: time, level, category, message, then the fields. A field with
 * one of those four names gets a `_` before it.
 */
export function jsonLine({ time, level, category, message, fields }: LogLine): string {
  const record = new Map<string, unknown>(
    Object.entries({ time, level, category, message: shortened(message) }),
  );
  for (const [name, value] of fieldsOf(fields)) {
    record.set(record.has(name) ? `_${name}` : name, value);
  }
  return `${escaped(JSON.stringify(Object.fromEntries(record)))}\n`;
}

type Plain = string | number | boolean | null;

function fieldsOf(fields: Readonly<Record<string, unknown>>): [string, Plain][] {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .slice(0, mostFields)
    .map(([name, value]) => [shortened(name), plain(value)]);
}

function plain(value: unknown): Plain {
  switch (typeof value) {
    case "string":
      return shortened(value);
    case "number":
      return Number.isFinite(value) ? value : String(value);
    case "boolean":
      return value;
    case "object":
      return value === null ? null : shortened(objectText(value));
    default:
      return shortened(String(value));
  }
}

/** Errors by their stack, bytes by their count only: a payload has no place in a log. */
function objectText(value: object): string {
  if (value instanceof Error) return value.stack ?? `${value.name}: ${value.message}`;
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`;
  try {
    return JSON.stringify(value, withoutBytes) ?? String(value);
  } catch {
    return "[object that is no JSON]";
  }
}

function withoutBytes(_name: string, value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  return ArrayBuffer.isView(value) ? `${value.byteLength} bytes` : value;
}

function shortened(text: string): string {
  return text.length > longestText ? `${text.slice(0, longestText)}…` : text;
}

/**
 * Control characters, line and paragraph separators and direction marks as `\uXXXX`. In JSON they
 * can only stand inside of text, where that escape means the same character.
 */
function escaped(text: string): string {
  return text.replace(unsafe, escapeOne);
}

const unsafe = /[\p{Cc}\p{Zl}\p{Zp}\u061C\u200B-\u200F\u202A-\u202E\u2060-\u2069\uFEFF]/gu;

function escapeOne(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
