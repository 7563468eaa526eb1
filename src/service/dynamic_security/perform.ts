/**
 * A request to dynamic security: its commands one after another, each with its response. Pure; passwords are
 * hashed by others, and put in afterwards.
 */

import type { Command, NewPassword } from "./change.ts";
import { clientCommands } from "./client_commands.ts";
import type { Fields } from "./fields.ts";
import { isObject, isWrong } from "./fields.ts";
import { groupCommands } from "./group_commands.ts";
import { valueOf } from "./name_map.ts";
import { roleCommands } from "./role_commands.ts";
import { clientSetting, GENERAL } from "./settings.ts";
import type { DynamicState } from "./state.ts";
import { withClient } from "./state.ts";

/** Commands of one request. */
const MOST_COMMANDS = 1_000;

/** Characters of answers to the commands of one request, beyond which none more is answered with data. */
const MOST_DATA = 16 * 1024 * 1024;
const TOO_MUCH = { error: "Too much is asked in one request" };

const commands: Readonly<Record<string, Command>> = {
  ...clientCommands,
  ...groupCommands,
  ...roleCommands,
};

/** By their names in lower case: Mosquitto takes them in any. */
const names = new Map(Object.keys(commands).map((name) => [name.toLowerCase(), name]));

/** The names of all commands. */
export const commandNames: readonly string[] = Object.keys(commands);

export interface Response {
  readonly command: string;
  readonly error?: string;
  readonly data?: unknown;
  readonly correlationData?: string;
}

/** What a request came to. */
export interface Performed {
  readonly state: DynamicState;
  readonly responses: readonly Response[];
  /** Names of the settings that say something else now. */
  readonly changed: ReadonlySet<string>;
  /** User names whose connections end. */
  readonly kicks: ReadonlySet<string>;
  /** Users who are no more. */
  readonly deleted: ReadonlySet<string>;
  /** What has to be hashed, and then given to `withPassword`. */
  readonly passwords: readonly NewPassword[];
  /** What to say in the log of audit: a line for each command that is no mere question. */
  readonly audit: readonly { readonly message: string; readonly fields: Fields }[];
}

/** Performs the request, which is a JSON text. A command that is refused changes nothing. */
export function perform(before: DynamicState, request: string): Performed {
  let state = before;
  const responses: Response[] = [];
  const changed = new Set<string>();
  const kicks = new Set<string>();
  const deleted = new Set<string>();
  const passwords: NewPassword[] = [];
  const audit: { readonly message: string; readonly fields: Fields }[] = [];
  const list = commandsIn(request);
  let size = 0;
  for (const one of typeof list === "string" ? [] : list) {
    const read = readCommand(one);
    if ("error" in read) {
      responses.push(read);
      continue;
    }
    const { name, fields, correlation } = read;
    const asks = /^(?:get|list)/.test(name);
    const change = asks && size > MOST_DATA ? TOO_MUCH : commands[name]!(state, fields);
    const error = isWrong(change) ? change.error : undefined;
    if (!asks) audit.push({ message: name, fields: told(fields, error) });
    if (isWrong(change)) {
      responses.push({ command: name, error: change.error, ...correlation });
      continue;
    }
    const { data } = change;
    if (data !== undefined && list.length > 1) size += JSON.stringify(data).length;
    if (change.changed !== undefined && change.changed.length > 0) {
      state = { ...change.state, changes: state.changes + 1 };
      changed.add(GENERAL);
      for (const setting of change.changed) changed.add(setting);
    }
    for (const user of change.kicked ?? []) kicks.add(user);
    for (const user of change.deleted ?? []) deleted.add(user);
    if (change.password !== undefined) passwords.push(change.password);
    responses.push({ command: name, ...(data === undefined ? {} : { data }), ...correlation });
  }
  if (typeof list === "string") responses.push({ command: UNKNOWN, error: list });
  return { state, responses, changed, kicks, deleted, passwords, audit };
}

const UNKNOWN = "Unknown command";

/** The commands of a request, or why there are none. */
function commandsIn(request: string): readonly unknown[] | string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(request);
  } catch {
    return "Payload not valid JSON";
  }
  if (!isObject(parsed) || !Array.isArray(parsed.commands)) return "Invalid/missing commands";
  if (parsed.commands.length > MOST_COMMANDS) {
    return `Invalid/missing commands: more than ${MOST_COMMANDS}`;
  }
  return parsed.commands;
}

interface Read {
  readonly name: string;
  readonly fields: Fields;
  readonly correlation: { readonly correlationData?: string };
}

function readCommand(one: unknown): Read | Response & { readonly error: string } {
  if (!isObject(one)) return { command: UNKNOWN, error: "Command not an object" };
  const { command, correlationData } = one;
  if (typeof command !== "string") return { command: UNKNOWN, error: "Missing command" };
  if (correlationData !== undefined && typeof correlationData !== "string") {
    return { command, error: "Invalid correlationData data type." };
  }
  const correlation = correlationData === undefined ? {} : { correlationData };
  const name = names.get(command.toLowerCase());
  if (name === undefined) return { command, error: UNKNOWN, ...correlation };
  return { name, fields: one, correlation };
}

/** What of a command stands in the log: names, and never a password. */
function told(fields: Fields, error: string | undefined): Fields {
  const shown: Record<string, unknown> = {};
  for (const key of ["username", "groupname", "rolename", "acltype", "topic", "allow"]) {
    const value = fields[key];
    if (typeof value === "string") shown[key] = value.slice(0, 256);
    else if (typeof value === "boolean") shown[key] = value;
  }
  return error === undefined ? shown : { ...shown, error };
}

/**
 * The state in which the client has that password, hashed; the same one where it is gone by now, or where a
 * later password is on its way.
 */
export function withPassword(
  state: DynamicState,
  { username, number }: NewPassword,
  hash: string,
): { readonly state: DynamicState; readonly changed: readonly string[] } {
  const client = valueOf(state.clients, username);
  if (client === undefined || client.awaits !== number) return { state, changed: [] };
  return {
    state: withClient(state, { ...client, password: hash, awaits: 0 }),
    changed: [clientSetting(username)],
  };
}
