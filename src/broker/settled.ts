/**
 * What was asked for is durable: what waited for it may leave, in order. Section 7 of the architecture.
 */

import { Reason } from "../packet/reason_code.ts";
import type { Effect, Persist } from "../session/effect.ts";
import { withTopicAlias } from "./outgoing.ts";
import { goOnReading, isRead } from "./pressure.ts";
import { refill } from "./refill.ts";
import { cancel, scheduleRetry } from "./schedule.ts";
import type { Live, Tables } from "./tables.ts";
import { weigh } from "./tables.ts";

/** Lets go what stood in `then`; what is for a connection that has gone is dropped. */
export function onSettled(tables: Tables, persists: readonly Persist[]): void {
  for (let i = 0; i < persists.length; i++) {
    const persist = persists[i]!;
    tables.pending -= 1;
    tables.pendingBytes -= weigh(persist);
    if (tables.ending.size > 0 && tables.ending.get(persist.of) === persist) {
      tables.ending.delete(persist.of);
    }
    if (tables.resent.size > 0 && tables.resent.get(persist.of) === persist) {
      tables.resent.delete(persist.of);
    }
    const { then } = persist;
    for (let j = 0; j < then.length; j++) release(tables, then[j]!);
  }
  goOnReading(tables);
}

function release(tables: Tables, effect: Effect): void {
  if (effect.type === "deliverAs") {
    if (tables.connections.has(effect.to)) tables.out.push(effect);
    return;
  }
  if (effect.type !== "send") {
    if (effect.type === "acknowledge" && effect.packet === "puback") {
      const live = tables.connections.get(effect.to);
      if (live !== undefined) live.unacknowledged -= effect.packetIds.length;
    }
    tables.out.push(effect);
    return;
  }
  const live = tables.connections.get(effect.to);
  if (live === undefined) return;
  if (effect.packet.type === "puback") live.unacknowledged -= 1;
  if (effect.packet.type === "publish") {
    tables.out.push(
      live.connection.outgoingAliases === 0
        ? effect
        : { ...effect, packet: withTopicAlias(live, effect.packet) },
    );
    return;
  }
  tables.out.push(effect);
  if (effect.packet.type === "connack" && effect.packet.reasonCode === Reason.success) {
    becomeReady(tables, live);
  } else if (effect.packet.type === "suback") {
    live.subacks -= 1;
    refill(tables, live.client!); // its retained messages come after it
  }
}

/** CONNACK has left: from here on packets may be sent, and the client is read again. */
function becomeReady(tables: Tables, live: Live): void {
  live.ready = true;
  live.lastHeard = tables.now; // it could not be heard
  cancel(tables, { type: "connect", live });
  tables.liveVersion += 1;
  if (isRead(live)) tables.out.push({ type: "resume", connection: live.id });
  scheduleRetry(tables, live);
  refill(tables, live.client!);
}
