/** Commands performed one after another, with passwords hashed by a stand-in, and what is seen of them. */

import { clientData } from "../../../src/service/dynamic_security/describe.ts";
import { valueOf } from "../../../src/service/dynamic_security/name_map.ts";
import type { Performed, Response } from "../../../src/service/dynamic_security/perform.ts";
import { perform, withPassword } from "../../../src/service/dynamic_security/perform.ts";
import type { DynamicState } from "../../../src/service/dynamic_security/state.ts";
import { emptyState } from "../../../src/service/dynamic_security/state.ts";

export type CommandObject = Readonly<Record<string, unknown>>;

/** A request of these commands. */
export function request(...commands: readonly unknown[]): string {
  return JSON.stringify({ commands });
}

/** The commands, each as a request of its own. */
export function after(commands: readonly CommandObject[], from = emptyState): DynamicState {
  let state = from;
  for (const command of commands) {
    const performed = performWhole(state, command);
    const error = performed.responses[0]!.error;
    if (error !== undefined) throw new Error(`${JSON.stringify(command)}: ${error}`);
    state = performed.state;
  }
  return state;
}

/** One command, its password included. */
export function performWhole(state: DynamicState, command: CommandObject): Performed {
  const performed = perform(state, request(command));
  let next = performed.state;
  for (const one of performed.passwords) {
    next = withPassword(next, one, `hash of ${one.password}`).state;
  }
  return { ...performed, state: next };
}

/** The one response to a command. */
export function respond(state: DynamicState, command: CommandObject): Response {
  return performWhole(state, command).responses[0]!;
}

/** A client as `getClient` shows it. */
export function shown(state: DynamicState, username: string): unknown {
  const client = valueOf(state.clients, username);
  return client && clientData(client);
}
