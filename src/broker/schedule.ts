/**
 * Deadlines by name: `set`, `cancel` and what is due. One heap for all of the broker.
 */

import type { Instant } from "../policy/identity.ts";
import type { Deadline, Tables } from "./tables.ts";

function keyOf(deadline: Deadline): string {
  switch (deadline.type) {
    case "session":
    case "will":
      return `${deadline.type} ${deadline.client.clientId}`;
    case "delayed":
      return `delayed ${deadline.message.order}`;
    case "retained":
      return `retained ${deadline.topic}`;
    default:
      return `${deadline.type} ${deadline.live.id}`;
  }
}

/** Sets it, instead of an earlier one of the same kind and row; Infinity takes it away. */
export function schedule(tables: Tables, deadline: Deadline, when: Instant): void {
  if (when === Infinity) return cancel(tables, deadline);
  const key = keyOf(deadline);
  tables.deadlines.set(key, when);
  tables.deadlineOf.set(key, deadline);
}

/** Takes it away, if there is one. */
export function cancel(tables: Tables, deadline: Deadline): void {
  const key = keyOf(deadline);
  tables.deadlines.delete(key);
  tables.deadlineOf.delete(key);
}

/** The next one that is due, taken out. */
export function takeDue(tables: Tables): Deadline | undefined {
  const key = tables.deadlines.due(tables.now);
  if (key === undefined) return undefined;
  const deadline = tables.deadlineOf.get(key);
  tables.deadlineOf.delete(key);
  return deadline;
}
