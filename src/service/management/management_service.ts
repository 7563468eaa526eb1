/**
 * The service `$CONTROL/dunlin/v1`: a command is the levels behind it, `$CONTROL/dunlin/v1/sessions/kick`, and
 * its input the JSON object of the payload, `{}` where that is empty. Pure.
 *
 * The reply is `{"ok":true,"command":…,"data":{…}}`, with `"dryRun":true` where nothing was done, or
 * `{"ok":false,"command":…,"error":{"reason":…,"detail":…}}`, the reason being one of `refusalReasons`.
 */

import type { z } from "zod";
import type { Instant } from "../../policy/identity.ts";
import type {
  Audit,
  Instruction,
  Outcome,
  Refused,
  Request,
  Service,
  SettingChange,
  View,
} from "../service.ts";
import { replied } from "../service.ts";
import type { At, Command, Done, Result } from "./command.ts";
import { isRefused, refuse } from "./command.ts";
import type { Commands } from "./commands.ts";
import { overlaid } from "./overlay.ts";
import type { ManagementState } from "./state.ts";
import { stateOf, withSettings } from "./state.ts";

export const MANAGEMENT_PREFIX = "$CONTROL/dunlin/v1";

export function managementService(commands: Commands): Service<ManagementState> {
  return {
    name: "dunlin",
    prefix: MANAGEMENT_PREFIX,
    begin: stateOf,
    rules: overlaid,
    begun(state, { now }) {
      const bans = [...state.bans.values()].filter(({ until }) => until > now);
      return { events: [], instructions: bans.map((ban) => ({ type: "ban", ban })) };
    },
    changed(before, changes, { now }) {
      const state = withSettings(before, changes);
      return { state, events: [], instructions: banChanges(before, state, changes, now) };
    },
    perform: (state, request, view) => perform(commands, state, request, view),
    refuse: (refused, request) => errorReply(nameIn(request), refused),
  };
}

/** The bans that came and went; whoever is connected here and is hit has to go. */
function banChanges(
  before: ManagementState,
  after: ManagementState,
  changes: readonly SettingChange[],
  now: Instant,
): readonly Instruction[] {
  return changes.flatMap(({ name }): readonly Instruction[] => {
    if (!name.startsWith("ban/")) return [];
    const key = name.slice("ban/".length);
    const ban = after.bans.get(key), was = before.bans.get(key);
    if (ban !== undefined && ban.until > now) return [{ type: "ban", ban }];
    return was === undefined ? [] : [{ type: "unban", kind: was.kind, value: was.value }];
  });
}

function perform(
  commands: Commands,
  state: ManagementState,
  request: Request,
  view: View,
): Outcome<ManagementState> {
  const name = nameIn(request);
  const command = commands.get(name);
  if (command === undefined) {
    const refused = refuse("unknownCommand", `${name}; the command help lists all there are`);
    return refusal(state, name, refused, undefined);
  }
  const given = inputOf(command, request.payload);
  if (isRefused(given)) return refusal(state, name, given, undefined);
  const { input, dryRun } = given;
  const at: At = { state, view, request, now: view.now, dryRun };
  return outcomeOf(command, input, dryRun, at, command.run(input, at));
}

/** The levels behind the prefix; empty where there are none. */
function nameIn({ topic }: Request): string {
  return topic.slice(MANAGEMENT_PREFIX.length + 1);
}

interface Given {
  readonly input: Record<string, unknown>;
  readonly dryRun: boolean;
}

const UTF8 = new TextDecoder("utf-8", { fatal: true });

function inputOf(command: Command, payload: Uint8Array): Given | Refused {
  let value: unknown;
  try {
    value = payload.length === 0 ? {} : JSON.parse(UTF8.decode(payload));
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    return refuse("badRequest", `the payload is no JSON: ${words}`);
  }
  const parsed = command.input.safeParse(value);
  if (!parsed.success) return refuse("badRequest", parsed.error.issues.map(issueText).join("; "));
  const { dryRun, ...input } = parsed.data;
  return { input, dryRun: dryRun === true };
}

function issueText({ path, message }: z.core.$ZodIssue): string {
  return path.length === 0 ? message : `${path.join(".")}: ${message}`;
}

function outcomeOf(
  command: Command,
  input: Readonly<Record<string, unknown>>,
  dryRun: boolean,
  at: At,
  result: Result,
): Outcome<ManagementState> {
  const { name } = command;
  if (isRefused(result)) return refusal(at.state, name, result, input);
  if (!("task" in result)) return done(command, input, dryRun, at.state, result);
  return {
    ...replied(at.state, undefined),
    task: {
      task: result.task,
      then(outcome, state, view) {
        const later: At = { ...at, state, view, now: view.now };
        if (outcome.type === "failed") return refusal(state, name, outcome, input);
        return outcomeOf(command, input, dryRun, later, result.then(outcome, later));
      },
    },
  };
}

function done(
  { name, changes }: Command,
  input: Readonly<Record<string, unknown>>,
  dryRun: boolean,
  state: ManagementState,
  { data, ...what }: Done,
): Outcome<ManagementState> {
  const reply = { ok: true, command: name, ...(dryRun ? { dryRun } : {}), data };
  const audit: Audit = {
    message: name,
    fields: { ...(dryRun ? { dryRun } : {}), input: told(input) },
  };
  if (dryRun || !changes) return { ...replied(state, reply), audit: [audit] };
  return {
    state: what.state ?? state,
    reply,
    events: what.events ?? [],
    settings: what.settings ?? [],
    instructions: what.instructions ?? [],
    audit: [audit],
  };
}

function refusal(
  state: ManagementState,
  name: string,
  { reason, detail }: Refused,
  input: Readonly<Record<string, unknown>> | undefined,
): Outcome<ManagementState> {
  const fields = {
    command: name,
    reason,
    detail,
    ...(input === undefined ? {} : { input: told(input) }),
  };
  return {
    ...replied(state, errorReply(name, { reason, detail })),
    audit: [{ message: "refused", fields }],
  };
}

/** The input for the log, where a payload has no place. */
function told(input: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { payload, payloadBase64, ...rest } = input;
  const hidden = typeof payload === "string" ? payload : payloadBase64;
  return typeof hidden === "string" ? { ...rest, payload: `${hidden.length} characters` } : input;
}

function errorReply(command: string, { reason, detail }: Refused) {
  return { ok: false, command, error: { reason, detail } };
}
