/**
 * A file of users and hashed passwords, as `mosquitto_passwd` keeps it: `user:hash`, a line each; blank
 * lines and lines that begin with `#` say nothing. Text to values and back; no file is touched here.
 */

import { BROKER } from "../policy/identity.ts";
import type { PasswordHash } from "./password_hash.ts";
import { parsePasswordHash } from "./password_hash.ts";

/** Hashes by user name. */
export type PasswordUsers = ReadonlyMap<string, PasswordHash>;

/** What is wrong with a line, without a word of its password. */
export interface LineFault {
  /** From 1. */
  readonly line: number;
  readonly found: string;
}

/** A file that was read. */
export interface PasswordFile {
  /** Those of the lines without faults. */
  readonly users: PasswordUsers;
  readonly faults: readonly LineFault[];
}

/** Characters of the largest file: about half a million users. */
export const longestPasswordFile = 64 * 1024 * 1024;

/** Characters of the longest user name. */
const LONGEST_NAME = 1_024;

/** More faults than these are not told. */
const MOST_FAULTS = 20;

/** Reads all lines. */
export function parsePasswordFile(text: string): PasswordFile {
  const users = new Map<string, PasswordHash>();
  const lines = new Map<string, number>();
  const faults: LineFault[] = [];
  if (text.length > longestPasswordFile) {
    return { users, faults: [{ line: 1, found: `more than ${longestPasswordFile} characters` }] };
  }
  for (const [at, content] of text.split("\n").entries()) {
    if (faults.length === MOST_FAULTS) break;
    const found = readLine(content.replace(/\r$/, ""), at + 1, users, lines);
    if (found !== undefined) faults.push({ line: at + 1, found });
  }
  return { users, faults };
}

/** Takes a line in; what is wrong with it, if anything is. */
function readLine(
  content: string,
  line: number,
  users: Map<string, PasswordHash>,
  lines: Map<string, number>,
): string | undefined {
  if (content.trim() === "" || content.startsWith("#")) return undefined;
  const user = nameOf(content);
  if (user === undefined) return "no colon between user name and hash";
  const fault = nameFault(user);
  if (fault !== undefined) return fault;
  const twin = lines.get(user);
  if (twin !== undefined) return `the user of line ${twin} once more`;
  const hash = parsePasswordHash(content.slice(user.length + 1).trim());
  if (typeof hash === "string") return hash;
  lines.set(user, line);
  users.set(user, hash);
  return undefined;
}

/** What keeps a text from being a user name of such a file. */
export function nameFault(user: string): string | undefined {
  if (user === "") return "an empty user name";
  if (user.length > LONGEST_NAME) return `a user name of more than ${LONGEST_NAME} characters`;
  // deno-lint-ignore no-control-regex -- these are what is looked for
  if (/[\u0000-\u001f\u007f:]/.test(user)) return "a user name with a colon or control character";
  if (user.startsWith("#")) return "a user name that begins with #";
  if (user === BROKER.user) return "a user name that is the broker's own";
  return undefined;
}

/** A fault as a line for people. */
export function faultText(path: string, { line, found }: LineFault): string {
  return `${path}:${line}: error: found ${found}; allowed: user:hash as mosquitto_passwd writes it`;
}

/** The text with that line for the user, in the place of an old one or at the end. */
export function withUser(text: string, user: string, hash: string): string {
  const line = `${user}:${hash}`;
  let found = false;
  const lines = text.split("\n").flatMap((content) => {
    if (nameOf(content) !== user) return [content];
    if (found) return []; // one line a user
    found = true;
    return [line];
  });
  if (found) return lines.join("\n");
  return `${text}${text === "" || text.endsWith("\n") ? "" : "\n"}${line}\n`;
}

/** The text without the user; undefined where there is no such user. */
export function withoutUser(text: string, user: string): string | undefined {
  const lines = text.split("\n");
  const left = lines.filter((content) => nameOf(content) !== user);
  return left.length === lines.length ? undefined : left.join("\n");
}

function nameOf(content: string): string | undefined {
  const colon = content.indexOf(":");
  return colon < 0 || content.startsWith("#") ? undefined : content.slice(0, colon);
}
