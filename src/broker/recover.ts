/**
 * The tables as they were, from what the store kept: record by record, then once all are in.
 * Time that passed while the broker was down counts. MQTT 5.0 sections 3.1.2.11.2 and 4.1.
 */

import { expiresAt } from "../connection/on_connect.ts";
import { rulesForClient } from "../policy/client_limits.ts";
import { UNSUBSCRIBED_ORIGIN } from "../policy/auto_subscribe_rule.ts";
import type { Queued } from "../session/delivery_run.ts";
import { storedQueue } from "../session/queue.ts";
import { restore } from "../session/restore.ts";
import { isStored, newSession, resting } from "../session/session.ts";
import { durably } from "../session/step.ts";
import { withSubscription, withUnsubscribed } from "../session/subscription_map.ts";
import type { IndexRecord, PendingWill, StoredSession } from "../session/write.ts";
import { keepDelayed } from "./delayed.ts";
import { keepRetained } from "./retain.ts";
import { passOrder } from "./route.ts";
import { inTurn, setRoute } from "./replicated.ts";
import { schedule } from "./schedule.ts";
import { addGroup, giveBack, groupFilter, isGroupKey } from "./shared.ts";
import { enter } from "./subscribe.ts";
import type { Client, Tables } from "./tables.ts";
import { ask, NO_GROUPS, NO_STREAMS, replaceSession } from "./tables.ts";
import { fireWill, willDelay } from "./will.ts";

/** Takes one record in; sessions come before their subscriptions. */
export function recover(tables: Tables, record: IndexRecord): void {
  switch (record.type) {
    case "session":
      if (isGroupKey(record.clientId)) {
        return tables.cluster === undefined ? recoverGroup(tables, record) : undefined;
      }
      return recoverSession(tables, record);
    case "route":
      return setRoute(tables, record.node, record.full, record.interest);
    case "subscription": {
      const client = tables.clients.get(record.clientId);
      if (client === undefined) return;
      const { subscription } = record;
      if (subscription.origin === UNSUBSCRIBED_ORIGIN) {
        const subscriptions = withUnsubscribed(client.session.subscriptions, subscription.full);
        client.session = { ...client.session, subscriptions };
        return;
      }
      const subscriptions = withSubscription(client.session.subscriptions, subscription);
      client.session = { ...client.session, subscriptions };
      return enter(tables, client, subscription);
    }
    case "retained":
      return keepRetained(tables, record.message);
    case "will": {
      const { will } = record;
      if (tables.cluster !== undefined && will.publishAt === Infinity) return; // its node sees to it
      const client = tables.clients.get(will.clientId) ?? recoverWillOnly(tables, record);
      client.will = will;
      return schedule(tables, { type: "will", client }, willDueAt(tables, client, will));
    }
    case "delayed":
      return keepDelayed(tables, record.message, record.publishAt);
    case "order":
      passOrder(tables, record.highest);
  }
}

/** Not later than its delay from now: the clock may have been set back. Nodes of a cluster go by one. */
function willDueAt(tables: Tables, client: Client, will: PendingWill): number {
  if (tables.cluster !== undefined) return inTurn(tables, will.publishAt);
  if (will.publishAt === Infinity) return Infinity; // `recovered` sees to it
  return Math.min(will.publishAt, tables.now + willDelay(tables, client, will) * 1000);
}

/** All records are in: whoever was connected when the broker went down has lost its connection. */
export function recovered(tables: Tables): void {
  if (tables.cluster !== undefined) return; // others have what was connected, or it comes as `adopted`
  for (const client of [...tables.clients.values()]) {
    // A Will whose session has ended is due, whatever its delay [MQTT-3.1.3-9].
    const due = client.will?.publishAt === Infinity || !isStored(client.session);
    if (due) fireWill(tables, client);
    if (!isStored(client.session)) tables.clients.delete(client.clientId);
  }
  for (const client of tables.clients.values()) {
    if (client.groups.size === 0) continue;
    // Connection 0 is nobody's: what it had inflight for a group goes back to the group.
    tables.out.push({ type: "load", connection: 0, clientId: client.clientId, most: 0 });
  }
  for (const [place, group] of tables.groups) {
    if (group.members.length > 0) continue;
    const { key } = group;
    tables.groups.delete(place);
    tables.tree.remove(group.filter, place);
    replaceSession(tables, group, newSession(key, group.session.owner, 0));
    ask(tables, durably(key, [{ type: "deleteSession", clientId: key }]));
  }
}

/** A member that is absent since the broker, or its node, went down gives its unacknowledged messages back. */
export function recoverMember(
  tables: Tables,
  clientId: string,
  stored: StoredSession<Queued>,
): void {
  const client = tables.clients.get(clientId);
  if (client === undefined || client.live !== undefined) return;
  const { session } = client;
  replaceSession(tables, client, restore(session, { ...stored, queued: [] }, tables.now));
  giveBack(tables, client);
  replaceSession(tables, client, resting(client.session));
}

function recoverSession(tables: Tables, record: IndexRecord & { type: "session" }): void {
  const { clientId, owner, expiryInterval, awaited = false } = record;
  const client = emptyClient(tables, clientId, owner, expiryInterval);
  tables.clients.set(clientId, client);
  const queue = storedQueue(record.orders, record.sizes);
  const subscriptions = { ...client.session.subscriptions, awaited };
  replaceSession(tables, client, { ...client.session, stored: true, subscriptions, queue });
  if (tables.cluster !== undefined) {
    client.at = record.at;
    return schedule(tables, { type: "session", client }, inTurn(tables, record.expiresAt));
  }
  // Infinity: connected when the broker went down, so its absence begins now; or it never expires.
  // Nor is any absence longer than the interval: the clock may have been set back since.
  const until = Math.min(record.expiresAt, expiresAt(tables.now, expiryInterval));
  schedule(tables, { type: "session", client }, until);
  if (until !== Infinity && record.expiresAt === Infinity) {
    ask(
      tables,
      durably(clientId, [
        { type: "putSession", clientId, owner, expiryInterval, expiresAt: until },
      ]),
    );
  }
}

function recoverGroup(tables: Tables, record: IndexRecord & { type: "session" }): void {
  const { clientId: key, owner, expiryInterval } = record;
  const group = addGroup(tables, key, groupFilter(key));
  const session = newSession(key, owner, expiryInterval);
  const queue = storedQueue(record.orders, record.sizes);
  replaceSession(tables, group, { ...session, queue });
}

/** The Will of a client without a stored session. */
function recoverWillOnly(tables: Tables, record: IndexRecord & { type: "will" }): Client {
  const client = emptyClient(tables, record.will.clientId, record.will.owner, 0);
  tables.clients.set(client.clientId, client);
  return client;
}

/** The row of a client that is not here. */
export function emptyClient(
  tables: Tables,
  clientId: string,
  owner: Client["session"]["owner"],
  expiry: number,
): Client {
  return {
    kind: "client",
    clientId,
    here: tables.cluster === undefined,
    at: undefined,
    session: newSession(clientId, owner, expiry),
    rules: rulesForClient(tables.rules, owner),
    live: undefined,
    will: undefined,
    streams: NO_STREAMS,
    reading: false,
    groups: NO_GROUPS,
    subscriber: undefined,
    due: { session: undefined, will: undefined },
  };
}
