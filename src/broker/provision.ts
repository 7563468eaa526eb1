/**
 * Sessions of clients that have never connected: what is published before they come waits for them. The first
 * CONNECT finds it, unless it asks for a Clean Start. MQTT 5.0 section 4.1 knows a session from its first
 * CONNECT on: until then neither side has anything to resume, and CONNACK says so.
 *
 * Whose it is: of the user that it was made for. Made for nobody, it is adopted by the first client that is
 * let in with its client id; from then on it has an owner as any other. Rules of access are asked when the
 * client comes, for its subscriptions and for each message that waits: nothing leaves before that.
 */

import { expiresAt } from "../connection/on_connect.ts";
import type { SubscriptionRequest } from "../packet/packet.ts";
import type { Provision } from "../policy/auto_subscribe_rule.ts";
import { autoSubscriptions } from "../policy/auto_subscriptions.ts";
import type { ClientId, Identity, Seconds } from "../policy/identity.ts";
import { rulesFor } from "../policy/rules.ts";
import type { Made } from "../session/reconcile.ts";
import { reconcile } from "../session/reconcile.ts";
import type { Session } from "../session/session.ts";
import { durably } from "../session/step.ts";
import type { Subscription } from "../session/subscription_map.ts";
import { subscriptionOf, withSubscription } from "../session/subscription_map.ts";
import type { Write } from "../session/write.ts";
import { mountFilter } from "../topic/mount_point.ts";
import { parseTopicFilter } from "../topic/topic_filter.ts";
import { emptyClient } from "./recover.ts";
import { inTurn } from "./replicated.ts";
import { schedule } from "./schedule.ts";
import { enter } from "./subscribe.ts";
import type { Tables } from "./tables.ts";
import { ask, replaceSession } from "./tables.ts";

/** A session to be made. */
export interface Provisioned {
  readonly clientId: ClientId;
  /** Without a user: of whoever is let in first with that client id. */
  readonly owner: Identity;
  /** How long it waits for its client. */
  readonly expiryInterval: Seconds;
  /** As if the client had subscribed; what the rules of auto-subscribe give it comes to them. */
  readonly subscriptions: readonly SubscriptionRequest[];
}

/** By a rule. */
export function provisionBy(tables: Tables, wanted: Provision, clientId: ClientId): void {
  const { user, listener } = wanted;
  const rules = rulesFor(tables.rules, { listener: listener ?? "" });
  const owner = { user, roles: [], ...(listener === undefined ? {} : { listener }) };
  const expiryInterval = wanted.expiryInterval ?? rules.persistentSessionExpiryInterval;
  provision(tables, { clientId, owner, expiryInterval, subscriptions: [] });
}

/** Makes the session, unless the client id has one: that one stays as it is. */
export function provision(tables: Tables, wanted: Provisioned): void {
  const { clientId } = wanted;
  if (tables.clients.has(clientId)) return;
  const { limits } = tables.rules;
  if (tables.clients.size >= limits.maximumSessions) {
    const detail = "the broker keeps maximumSessions already";
    tables.out.push({ type: "observe", fact: { type: "notProvisioned", clientId, detail } });
    return;
  }
  const { user, listener } = wanted.owner;
  const owner: Identity = {
    user,
    roles: [],
    clientId,
    address: undefined,
    listener,
    certificate: undefined,
  };
  const longest = limits.maximumSessionExpiryInterval;
  const expiryInterval = Math.max(1, Math.min(wanted.expiryInterval, longest));
  const client = emptyClient(tables, clientId, owner, expiryInterval);
  tables.clients.set(clientId, client);
  const bare: Session = {
    ...client.session,
    subscriptions: { ...client.session.subscriptions, awaited: true },
  };
  const ruled = reconcile(bare, autoSubscriptions(client.rules, owner, false).wanted, "away");
  const until = expiresAt(tables.now, expiryInterval);
  const writes: Write[] = [
    { type: "putSession", clientId, owner, expiryInterval, expiresAt: until, awaited: true },
    ...ruled.writes,
  ];
  const made: Made[] = [...ruled.made];
  let { subscriptions } = ruled.session;
  for (const request of wanted.subscriptions) {
    const subscription = asked(request, client.rules);
    if (subscription === undefined) continue;
    const isNew = subscriptionOf(subscriptions, subscription.full) === undefined;
    subscriptions = withSubscription(subscriptions, subscription);
    made.push({ subscription, isNew, changed: true, retained: false });
    writes.push({ type: "putSubscription", clientId, subscription });
  }
  replaceSession(tables, client, { ...ruled.session, subscriptions });
  schedule(tables, { type: "session", client }, inTurn(tables, until));
  ask(tables, durably(clientId, writes));
  for (const { subscription } of made) enter(tables, client, subscription);
  tables.out.push({
    type: "observe",
    fact: { type: "provisioned", clientId, user, subscriptions: subscriptions.size },
  });
}

/** The subscription that is asked for; undefined for what is no Topic Filter. */
function asked(
  { filter: written, options }: SubscriptionRequest,
  { mountPoint, limits }: Tables["rules"],
): Subscription | undefined {
  const parsed = parseTopicFilter(mountFilter(mountPoint, written), limits.topicLevels);
  if (typeof parsed === "string") return undefined;
  const { full, filter, shareName } = parsed;
  const subscription = { full, filter, shareName, options };
  const retained = shareName === undefined && options.retainHandling !== 2;
  return retained ? { ...subscription, unseen: true } : subscription;
}
