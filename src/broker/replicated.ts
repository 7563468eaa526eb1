/**
 * What other nodes have written, of what every node keeps in its tables: sessions and what they subscribe to,
 * retained messages, Wills that wait, what each node's clients want. In the order of the commits, so that the
 * tables of all nodes come to the same. Section 8 of the architecture.
 */

import { rulesForClient } from "../policy/client_limits.ts";
import { UNSUBSCRIBED_ORIGIN } from "../policy/auto_subscribe_rule.ts";
import type { ClientId, Instant, NodeId } from "../policy/identity.ts";
import type { AnyWrite, Interest } from "../session/cluster_write.ts";
import type { Message } from "../session/message.ts";
import { isStored } from "../session/session.ts";
import {
  allSubscriptions,
  subscriptionOf,
  withoutSubscription,
  withoutUnsubscribed,
  withSubscription,
  withUnsubscribed,
} from "../session/subscription_map.ts";
import type { Write } from "../session/write.ts";
import { parseTopicFilter } from "../topic/topic_filter.ts";
import { ownerChanged } from "./access.ts";
import { noneDue } from "./errands.ts";
import type { ClusterTables } from "./cluster_tables.ts";
import { keepDelayed } from "./delayed.ts";
import { emptyClient } from "./recover.ts";
import { dropRetained, isLastRetained, keepRetained } from "./retain.ts";
import { passOrder } from "./route.ts";
import { cancel, schedule } from "./schedule.ts";
import { addGroup, endGroup, groupBy, groupFilter, groupKey, isGroupKey, pump } from "./shared.ts";
import { keepForOthers } from "./shared_stored.ts";
import { enter, unindex } from "./subscribe.ts";
import type { Client, Tables } from "./tables.ts";
import { NOWHERE_ELSE } from "./tables.ts";

/** Milliseconds between two nodes that would do what is due for a session which nobody has. */
const RANK = 500;

/** Takes it in, write by write; what is about a session that this node has is this node's own, or late. */
export function onReplicated(
  tables: Tables,
  { from, writes }: { readonly from: NodeId; readonly writes: readonly AnyWrite[] },
): void {
  for (const write of writes) apply(tables, from, write);
}

function apply(tables: Tables, from: NodeId, write: AnyWrite): void {
  switch (write.type) {
    case "putSession":
      return isGroupKey(write.clientId) ? undefined : putSession(tables, from, write);
    case "deleteSession":
      return onAway(tables, write.clientId, (client) => forget(tables, client));
    case "putSubscription":
      return onAway(tables, write.clientId, (client) => putSubscription(tables, client, write));
    case "deleteSubscription":
      return onAway(tables, write.clientId, (client) => {
        const { subscriptions } = client.session;
        const subscription = subscriptionOf(subscriptions, write.filter);
        const rest = withoutUnsubscribed(
          withoutSubscription(subscriptions, write.filter),
          write.filter,
        );
        client.session = { ...client.session, subscriptions: rest };
        if (subscription !== undefined) unindex(tables, client, [subscription]);
      });
    case "putRetained":
      return putRetained(tables, from, write.message);
    case "deleteRetained": {
      const { topic, order } = write;
      const isMeant = order === undefined
        ? isLastRetained(tables, from, topic)
        : tables.retained.get(topic)?.order === order;
      if (isMeant) dropRetained(tables, topic);
      return;
    }
    case "putWill":
      return putWill(tables, write);
    case "deleteWill":
      return onAway(tables, write.clientId, (client) => {
        client.will = undefined;
        cancel(tables, { type: "will", client });
        if (!isStored(client.session)) tables.clients.delete(client.clientId);
      });
    case "putDelayed": // of a node that is no more: from now on this one's
      return keepDelayed(tables, write.message, write.publishAt);
    case "announce":
      if (from !== tables.cluster!.node) setRoute(tables, from, write.full, write.interest);
      return;
    case "release":
      return onAway(tables, write.clientId, (client) => {
        client.at = undefined;
      });
  }
}

function putRetained(tables: Tables, from: NodeId, message: Message): void {
  const { topic, order } = message;
  passOrder(tables, order);
  if (!isLastRetained(tables, from, topic)) return; // an own one is on its way
  if (tables.retained.get(topic)?.order !== order) keepRetained(tables, message);
}

function onAway(tables: Tables, clientId: ClientId, then: (client: Client) => void): void {
  const client = tables.clients.get(clientId);
  if (client !== undefined && !client.here) then(client);
}

function putSession(tables: Tables, from: NodeId, write: Write & { type: "putSession" }): void {
  const { clientId, owner, expiryInterval, expiresAt, awaited = false } = write;
  let client = tables.clients.get(clientId);
  if (client?.here === true) return;
  if (client === undefined) {
    tables.clients.set(clientId, client = emptyClient(tables, clientId, owner, expiryInterval));
  } else if (client.session.owner !== owner) {
    if (client.session.subscriptions.awaited !== awaited) tables.tree.forget();
    else ownerChanged(tables, client.session.owner, owner);
  }
  client.rules = rulesForClient(tables.rules, owner);
  client.session = {
    ...client.session,
    owner,
    expiryInterval,
    stored: true,
    subscriptions: { ...client.session.subscriptions, awaited },
  };
  client.at = awaited ? undefined : from;
  noneDue(tables, clientId);
  schedule(tables, { type: "session", client }, inTurn(tables, expiresAt));
}

function putSubscription(
  tables: Tables,
  client: Client,
  { subscription }: Write & { type: "putSubscription" },
): void {
  const { subscriptions } = client.session;
  const { full } = subscription;
  // The record of one is in the place of the other's.
  if (subscription.origin !== UNSUBSCRIBED_ORIGIN) {
    const more = withSubscription(withoutUnsubscribed(subscriptions, full), subscription);
    client.session = { ...client.session, subscriptions: more };
    return enter(tables, client, subscription);
  }
  const before = subscriptionOf(subscriptions, full);
  const rest = withUnsubscribed(withoutSubscription(subscriptions, full), full);
  client.session = { ...client.session, subscriptions: rest };
  if (before !== undefined) unindex(tables, client, [before]);
}

/** Another node has ended the session. */
function forget(tables: Tables, client: Client): void {
  cancel(tables, { type: "session", client });
  unindex(tables, client, allSubscriptions(client.session.subscriptions));
  noneDue(tables, client.clientId);
  if (client.will !== undefined) client.session = { ...client.session, stored: false };
  else tables.clients.delete(client.clientId);
}

function putWill(tables: Tables, { will }: Write & { type: "putWill" }): void {
  const { clientId, owner, publishAt } = will;
  if (publishAt === Infinity) return; // its node sees to it
  let client = tables.clients.get(clientId);
  if (client?.here === true) return;
  if (client === undefined) {
    tables.clients.set(clientId, client = emptyClient(tables, clientId, owner, 0));
  }
  client.will = will;
  schedule(tables, { type: "will", client }, inTurn(tables, publishAt));
}

/** All nodes have the deadline: the first of them acts on it, another only if that one does not. */
export function inTurn({ cluster }: Tables, when: Instant): Instant {
  if (cluster === undefined) return when;
  return when + Math.max(0, cluster.nodes.indexOf(cluster.node)) * RANK;
}

/** What clients of another node want. */
export function setRoute(
  tables: Tables,
  node: NodeId,
  full: string,
  interest: Interest,
): void {
  const parsed = parseTopicFilter(full, Infinity);
  if (typeof parsed === "string") return;
  const { routes } = tables.cluster!;
  const known = routes.get(node);
  if (interest === 0) known?.delete(full);
  else if (known === undefined) routes.set(node, new Map([[full, interest]]));
  else known.set(full, interest);
  if (parsed.shareName !== undefined) return setElsewhere(tables, node, full, interest);
  const key = `\u0000\u0000${node}`; // neither a client id nor the key of a group
  if (interest === 0) tables.tree.remove(parsed.filter, key);
  else tables.tree.add(parsed.filter, key, { kind: "route", node, interest });
}

/** How many members of a shared subscription are connected to another node. */
function setElsewhere(tables: Tables, node: NodeId, full: string, count: number): void {
  const key = groupKey(full);
  let group = groupBy(tables, key);
  if (group === undefined) {
    if (count === 0) return;
    group = addGroup(tables, key, groupFilter(key));
  }
  const elsewhere = new Map(group.elsewhere);
  if (count === 0) elsewhere.delete(node);
  else elsewhere.set(node, count);
  group.elsewhere = elsewhere.size === 0 ? NOWHERE_ELSE : elsewhere;
  tables.liveVersion += 1;
  if (elsewhere.size === 0 && group.members.length === 0) return endGroup(tables, group);
  keepForOthers(tables, group);
  pump(tables, group);
}

/** Who is there. What was announced by who is not goes; its sessions come from whoever buries it. */
export function onNodes(tables: Tables, nodes: readonly NodeId[]): void {
  const cluster: ClusterTables = tables.cluster!;
  cluster.nodes = nodes;
  for (const [node, filters] of [...cluster.routes]) {
    if (nodes.includes(node)) continue;
    for (const full of [...filters.keys()]) setRoute(tables, node, full, 0);
    cluster.routes.delete(node);
  }
}
