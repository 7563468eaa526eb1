/**
 * The service `$CONTROL/dynamic-security/v1`: clients, groups and roles that change while the broker runs, in
 * the protocol of Mosquitto's plugin. Pure: passwords are hashed by tasks, one after another.
 *
 * What a request changes is in force at once, but a new password when it has been hashed; all of it becomes
 * durable in one after that, and the reply leaves. Connections of users whose password was changed end then too,
 * so that none comes back with the old one.
 */

import type { Event } from "../../broker/event.ts";
import { Reason } from "../../packet/reason_code.ts";
import type { DynamicAccess } from "../../policy/dynamic_access.ts";
import { withDynamicAccess } from "../../policy/dynamic_access.ts";
import type { Rules } from "../../policy/rules.ts";
import type { Outcome, Service, SettingChange, View } from "../service.ts";
import { replied } from "../service.ts";
import type { NewPassword } from "./change.ts";
import { accessOf, permitsTheSame } from "./evaluate.ts";
import type { Performed } from "./perform.ts";
import { perform, withPassword } from "./perform.ts";
import { kickedBy } from "./kicked.ts";
import { settingText, stateOf, withSettings } from "./settings.ts";
import type { DynamicState } from "./state.ts";

/** The state, and what it permits. */
export interface DynamicSecurity {
  readonly state: DynamicState;
  readonly access: DynamicAccess;
}

/** Where requests go. */
export const dynamicSecurityTopic = "$CONTROL/dynamic-security/v1";

/** What its settings stand under. */
export const dynamicSecurityName = "dynamic-security";

/** The service. */
export const dynamicSecurityService: Service<DynamicSecurity> = {
  name: dynamicSecurityName,
  prefix: dynamicSecurityTopic,
  begin(settings) {
    const state = stateOf(settings);
    return { state, access: accessOf(state) };
  },
  perform(before, { topic, payload }, view) {
    if (topic !== dynamicSecurityTopic) return replied(before, unperformed("Unknown topic"));
    let text: string;
    try {
      text = UTF8.decode(payload);
    } catch {
      return replied(before, unperformed("Payload not valid JSON"));
    }
    const performed = perform(before.state, text);
    const { state, passwords, audit } = performed;
    const reply = { responses: performed.responses };
    const late = new Set(passwords.map(({ username }) => username));
    const outcome: Outcome<DynamicSecurity> = {
      state: advanced(before, performed),
      reply,
      events: farewells(performed, late, view),
      settings: settingsOf(state, performed.changed),
      instructions: [],
      audit: audit.map(({ message, fields }) => ({
        message: `${dynamicSecurityName}/${message}`,
        fields,
      })),
    };
    return passwords.length === 0 ? outcome : hashing(outcome, passwords, 0, reply, undefined);
  },
  changed(before, changes, view) {
    const changed = new Set(changes.map(({ name }) => name));
    const state = withSettings(before.state, changes);
    const kicks = kickedBy(before.state, state, changed);
    return {
      state: advanced(before, { state, changed }),
      events: kicksOf(kicks, view),
      instructions: [],
    };
  },
  refuse: ({ detail }) => unperformed(detail),
  rules: ({ access }, configured) => laidOver(configured, access),
};

const UTF8 = new TextDecoder("utf-8", { fatal: true });

function unperformed(error: string) {
  return { responses: [{ command: "Unknown command", error }] };
}

/** With other answers where they may be others: not on account of texts and passwords. */
function advanced(
  before: DynamicSecurity,
  { state, changed }: Pick<Performed, "state" | "changed">,
): DynamicSecurity {
  if (state === before.state) return before;
  const same = [...changed].every((setting) => permitsTheSame(before.state, state, setting));
  return { state, access: same ? before.access : accessOf(state) };
}

/** The outcome that waits for the password at that place, and then for those behind it. */
function hashing(
  outcome: Outcome<DynamicSecurity>,
  passwords: readonly NewPassword[],
  at: number,
  reply: unknown,
  failed: string | undefined,
): Outcome<DynamicSecurity> {
  const one = passwords[at];
  if (one === undefined) {
    return { ...outcome, reply: failed === undefined ? reply : unperformed(failed) };
  }
  return {
    ...outcome,
    reply: undefined,
    task: {
      task: { type: "hashPassword", password: one.password },
      then(result, before, view) {
        if (result.type !== "hashed") {
          const detail = result.type === "failed" ? result.detail : "Internal error";
          const words = `The password of ${one.username} is not set: ${detail}`;
          return hashing(replied(before, undefined), passwords, at + 1, reply, words);
        }
        const { state, changed } = withPassword(before.state, one, result.hash);
        const next: Outcome<DynamicSecurity> = {
          state: state === before.state ? before : { state, access: before.access },
          reply: undefined,
          events: kicksOf(new Set([one.username]), view),
          settings: settingsOf(state, changed),
          instructions: [],
          audit: [],
        };
        return hashing(next, passwords, at + 1, reply, failed);
      },
    },
  };
}

function settingsOf(state: DynamicState, names: Iterable<string>): SettingChange[] {
  return [...names].map((name) => ({ name, value: settingText(state, name) }));
}

/** The ends of connections and sessions; of users in `late` they come when the password is hashed. */
function farewells(
  { kicks, deleted }: Performed,
  late: ReadonlySet<string>,
  view: View,
): readonly Event[] {
  const now = new Set([...kicks].filter((user) => !late.has(user)));
  const ends = deleted.size === 0
    ? []
    : [...view.broker.clients.values()].filter(({ session }) =>
      session.owner.user !== undefined && deleted.has(session.owner.user)
    ).map(({ session: { clientId } }): Event => ({ type: "deleteSession", clientId }));
  return [...kicksOf(now, view), ...ends];
}

/** Ends the connections of these users. */
function kicksOf(users: ReadonlySet<string>, { broker }: View): readonly Event[] {
  if (users.size === 0) return [];
  const kicks: Event[] = [];
  for (const { connection: { identity, clientId } } of broker.connections.values()) {
    if (identity.user === undefined || !users.has(identity.user)) continue;
    kicks.push({ type: "kick", clientId, reason: Reason.administrativeAction });
  }
  return kicks;
}

/** What was laid over which rules: asked for after every outcome, and mostly the same. */
const laid = new WeakMap<DynamicAccess, { readonly configured: Rules; readonly rules: Rules }>();

function laidOver(configured: Rules, access: DynamicAccess): Rules {
  let last = laid.get(access);
  if (last?.configured !== configured) {
    laid.set(access, last = { configured, rules: withDynamicAccess(configured, access) });
  }
  return last.rules;
}
