/**
 * What happens when a deadline is due.
 */

import { Reason } from "../packet/reason_code.ts";
import type { Effect } from "../session/effect.ts";
import { durably } from "../session/step.ts";
import { retry } from "../session/retry.ts";
import { settle } from "../session/settle.ts";
import type { Write } from "../session/write.ts";
import { mayReceive } from "./access.ts";
import { connectTimedOut, identityExpired, reauthenticationTimedOut } from "./authenticate.ts";
import { fetchFor } from "./errands.ts";
import { closeLive } from "./close.ts";
import { endDelay } from "./delayed.ts";
import { endSession } from "./end_session.ts";
import { sendOutbound } from "./outgoing.ts";
import { isRead } from "./pressure.ts";
import { dealOut } from "./rate.ts";
import { endRetained } from "./retain.ts";
import { route, takeOrder } from "./route.ts";
import { schedule, scheduleRetry } from "./schedule.ts";
import type { Deadline, Live, Tables } from "./tables.ts";
import { ask, observeDrop, replaceSession, sendable } from "./tables.ts";
import { publishWill } from "./will.ts";

/** Acts on one deadline, which has been taken out already. */
export function onDeadline(tables: Tables, deadline: Deadline): void {
  switch (deadline.type) {
    case "connect":
      return connectTimedOut(tables, deadline.live);
    case "reauthentication":
      return reauthenticationTimedOut(tables, deadline.live);
    case "identity":
      return identityExpired(tables, deadline.live);
    case "keepAlive":
      return checkKeepAlive(tables, deadline.live);
    case "drain":
      return closeLive(
        tables,
        deadline.live,
        "stalled",
        Reason.quotaExceeded,
        `took nothing from its full outbox for ${tables.rules.limits.drainTimeout} s`,
      );
    case "rate":
      return dealOut(tables, deadline.bucket);
    case "retry":
      return resendLate(tables, deadline.live);
    case "session":
    case "will":
      return endAbsence(tables, deadline);
    case "retained":
      return ask(tables, durably("", endRetained(tables, deadline.topic)));
    case "delayed": {
      const { message } = deadline;
      endDelay(tables, message);
      if (message.expiresAt <= tables.now) { // [MQTT-3.3.2-5]
        observeDrop(tables, message.publisher, message.topic, "expired");
        const { order } = message;
        return ask(tables, durably(message.publisher, [{ type: "deleteDelayed", order }]));
      }
      const due = { ...message, order: takeOrder(tables) };
      return route(tables, due, message.publisher, undefined, [
        { type: "deleteDelayed", order: message.order },
      ]);
    }
  }
}

/** A client has been away for as long as its session, or its Will, waits. */
function endAbsence(tables: Tables, deadline: Deadline & { type: "session" | "will" }): void {
  const { type, client } = deadline;
  // Of a session that is not here: if it is nobody's, it is fetched for that.
  const due = { type: type === "will" ? type : "expired" } as const;
  if (!client.here) return fetchFor(tables, client.clientId, due, true);
  if (client.live !== undefined) { // it is just coming back: greeted in time, or not [MQTT-3.1.3-9]
    return schedule(tables, deadline, tables.now + 1000);
  }
  return type === "will" ? publishWill(tables, client) : endSession(tables, client, "expired");
}

/** `lastHeard` moves with every packet, the deadline only when it comes due. */
function checkKeepAlive(tables: Tables, live: Live): void {
  const patience = live.connection.keepAlive * 1500;
  // Who is not read on purpose cannot be heard.
  const until = (!isRead(live) || !live.ready ? tables.now : live.lastHeard) + patience;
  if (until > tables.now) return schedule(tables, { type: "keepAlive", live }, until);
  closeLive(
    tables,
    live,
    "keepAliveTimeout",
    Reason.keepAliveTimeout,
    `nothing heard for one and a half times its Keep Alive of ${live.connection.keepAlive} s`,
  );
}

function resendLate(tables: Tables, live: Live): void {
  const client = live.client!;
  const interval = tables.rules.limits.retryInterval * 1000;
  scheduleRetry(tables, live);
  // Behind what waits for a store that is slow or full it would gather, once more every time.
  if (!sendable(client) || tables.resent.has(client.clientId)) return;
  const { session, outbound, pubrecs } = retry(client.session, tables.now, interval);
  if (session === client.session) return;
  replaceSession(tables, client, session);
  const then: Effect[] = [];
  const writes: Write[] = [];
  for (const each of outbound) {
    const { delivery } = each;
    if (
      delivery === undefined ||
      mayReceive(tables, client, delivery.message.topic, delivery.qos, delivery.retain)
    ) {
      then.push(sendOutbound(tables, live, each));
      continue;
    }
    observeDrop(tables, client.clientId, delivery.message.topic, "notPermitted");
    const settled = settle(client.session, each.packetId);
    replaceSession(tables, client, settled.session);
    writes.push(...settled.writes);
  }
  for (const packetId of pubrecs) {
    then.push({
      type: "send",
      to: live.id,
      packet: { type: "pubrec", packetId, reasonCode: Reason.success, properties: undefined },
    });
  }
  if (writes.length + then.length === 0) return;
  const persist = durably(client.clientId, writes, ...then);
  tables.resent.set(client.clientId, persist);
  ask(tables, persist);
}
