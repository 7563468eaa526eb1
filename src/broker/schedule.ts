/**
 * Deadlines by what they are about: `schedule`, `cancel` and what is due. One heap for all of the broker; a
 * row holds the entries of its deadlines.
 */

import type { Instant } from "../policy/identity.ts";
import { mapKey } from "../topic/map_key.ts";
import type { Entry } from "./deadlines.ts";
import type { Deadline, Live, Tables } from "./tables.ts";

/** Sets it, instead of an earlier one of the same kind and row; Infinity takes it away. */
export function schedule(tables: Tables, deadline: Deadline, when: Instant): void {
  if (when === Infinity) return cancel(tables, deadline);
  const held = heldOf(tables, deadline);
  if (held !== undefined && held.place >= 0) tables.deadlines.move(held, when);
  else hold(tables, deadline, tables.deadlines.add(deadline, when));
}

/** Takes it away, if there is one. */
export function cancel(tables: Tables, deadline: Deadline): void {
  const held = heldOf(tables, deadline);
  if (held === undefined) return;
  tables.deadlines.remove(held);
  hold(tables, deadline, undefined);
}

/** Sets when what a 3.x client leaves unacknowledged is looked at again, by the rules as they are [MQTT-4.4.0-1]. */
export function scheduleRetry(tables: Tables, live: Live): void {
  const { retryInterval } = tables.rules.limits;
  if (retryInterval > 0 && live.connection.version !== 5) {
    schedule(tables, { type: "retry", live }, tables.now + retryInterval * 1000);
  } else if (live.due.retry !== undefined) cancel(tables, { type: "retry", live });
}

/** The next one that is due, taken out. */
export function takeDue(tables: Tables): Deadline | undefined {
  const deadline = tables.deadlines.due(tables.now);
  if (deadline !== undefined) hold(tables, deadline, undefined);
  return deadline;
}

function heldOf(tables: Tables, deadline: Deadline): Entry<Deadline> | undefined {
  switch (deadline.type) {
    case "session":
    case "will":
      return deadline.client.due[deadline.type];
    case "rate":
      return deadline.bucket.due;
    case "retained":
      return tables.retainedDue.get(mapKey(deadline.topic));
    case "delayed": // set once and never taken away
      return undefined;
    default:
      return deadline.live.due[deadline.type];
  }
}

function hold(tables: Tables, deadline: Deadline, entry: Entry<Deadline> | undefined): void {
  switch (deadline.type) {
    case "session":
    case "will":
      deadline.client.due[deadline.type] = entry;
      return;
    case "rate":
      deadline.bucket.due = entry;
      return;
    case "retained":
      if (entry === undefined) tables.retainedDue.delete(mapKey(deadline.topic));
      else tables.retainedDue.set(mapKey(deadline.topic), entry);
      return;
    case "delayed":
      return;
    default:
      deadline.live.due[deadline.type] = entry;
  }
}
