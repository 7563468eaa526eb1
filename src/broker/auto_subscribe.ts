/**
 * The rules of auto-subscribe in the tables: when a client connects, before its CONNACK leaves; when it has
 * other roles; and for every session, connected or not, when the rules are others: a bounded number of them a
 * turn.
 */

import { autoSubscriptions } from "../policy/auto_subscriptions.ts";
import type { Provision } from "../policy/auto_subscribe_rule.ts";
import type { Rules } from "../policy/rules.ts";
import { isConnected } from "../connection/stage.ts";
import type { Presence, Reconciled } from "../session/reconcile.ts";
import { reconcile } from "../session/reconcile.ts";
import type { Session } from "../session/session.ts";
import { durably } from "../session/step.ts";
import { overfull } from "./pressure.ts";
import { provisionBy } from "./provision.ts";
import { refill } from "./refill.ts";
import { beginStream } from "./retained_stream.ts";
import { enter, unindex } from "./subscribe.ts";
import type { Client, Tables } from "./tables.ts";
import { ask, replaceSession } from "./tables.ts";

/** A walk along all sessions, and the clients that are to have one. */
export interface Walk {
  clients: Iterator<Client>;
  /** Behind the sessions. */
  provisions: Iterator<readonly [Provision, clientId: string]>;
  /** The rules have changed on the way: one more time round, as they are then. */
  again: boolean;
}

/** What the rules make of a session; undefined where there are none, and it has nothing of them. */
export function ruled(
  rules: Rules,
  session: Session,
  presence: Presence,
  tables: Tables,
): Reconciled | undefined {
  const { subscriptions, owner, clientId } = session;
  const { awaited } = subscriptions;
  if (rules.autoSubscribe.isEmpty && subscriptions.made === 0 && !awaited) return undefined;
  // Of a client that was never here only the name is known: it is judged when it comes.
  const { wanted, skipped } = autoSubscriptions(rules, owner, !awaited || presence !== "away");
  if (presence !== "away") {
    for (const { rule, filter, why, detail } of skipped) {
      const fact = { type: "autoSubscribeSkipped", clientId, rule, filter, why, detail } as const;
      tables.out.push({ type: "observe", fact });
    }
  }
  return reconcile(session, wanted, presence);
}

/** Makes effective what the rules have made of the session in the row: its writes have been asked for. */
export function enact(tables: Tables, client: Client, { made, removed }: Reconciled): void {
  if (removed.length > 0) unindex(tables, client, removed);
  for (const { subscription, changed, retained } of made) {
    if (changed) enter(tables, client, subscription);
    if (retained && subscription.shareName === undefined) {
      beginStream(tables, client, subscription);
    }
  }
  const { live } = client;
  const fresh = made.filter(({ isNew }) => isNew).map(({ subscription }) => subscription);
  if (live === undefined || !isConnected(live.connection.stage)) return;
  const { clientId, identity: { user }, peer } = live.connection;
  const about = { clientId, user, peer };
  if (fresh.length > 0) observe(tables, { type: "subscribed", ...about, subscriptions: fresh });
  if (removed.length > 0) {
    observe(tables, { type: "unsubscribed", ...about, subscriptions: removed });
  }
}

function observe(
  tables: Tables,
  fact: Extract<Tables["out"][number], { readonly type: "observe" }>["fact"],
): void {
  tables.out.push({ type: "observe", fact });
}

/** The rules, or the client's roles, are others: the session in the row follows. */
export function followRules(tables: Tables, client: Client): void {
  const { live, session } = client;
  const here = live !== undefined && isConnected(live.connection.stage);
  const result = ruled(client.rules, session, here ? "here" : "away", tables);
  if (result === undefined) return;
  if (result.session !== session) replaceSession(tables, client, result.session);
  if (result.writes.length > 0) ask(tables, durably(client.clientId, result.writes));
  if (result.made.length + result.removed.length === 0) return;
  enact(tables, client, result);
  if (here) refill(tables, client);
}

/** The rules are others, or the broker has just started: every session is looked at, from now on. */
export function beginWalk(tables: Tables): void {
  if (tables.walk === undefined) tables.walk = newWalk(tables);
  else tables.walk.again = true;
  walkOn(tables);
}

/** Whether the next tick would go on with it: not while the store has enough to do. */
export function mayWalk(tables: Tables): boolean {
  return tables.walk !== undefined && !tables.storeFull && !overfull(tables);
}

/** Goes on, for a turn. */
export function walkOn(tables: Tables): void {
  for (let left = tables.rules.limits.autoSubscribePerTurn; left > 0; left--) {
    if (!mayWalk(tables)) return;
    const walk = tables.walk!;
    const client = walk.clients.next();
    if (client.done !== true) {
      if (isMine(tables, client.value)) followRules(tables, client.value);
      continue;
    }
    const wanted = walk.again ? undefined : walk.provisions.next();
    if (wanted !== undefined && wanted.done !== true) {
      provisionBy(tables, ...wanted.value);
    } else {
      tables.walk = walk.again ? newWalk(tables) : undefined;
    }
  }
}

/** In a cluster a session that nobody has is seen to by the longest-lived node. */
function isMine({ cluster }: Tables, { here, at }: Client): boolean {
  return here || at === undefined && cluster!.nodes[0] === cluster!.node;
}

function newWalk(tables: Tables): Walk {
  return {
    clients: tables.clients.values(), // goes on behind what is removed, and meets what is added
    provisions: provisionsOf(tables.rules),
    again: false,
  };
}

function* provisionsOf({ autoSubscribe }: Rules): Iterator<readonly [Provision, string]> {
  for (const { provision } of autoSubscribe.compiled) {
    if (provision === undefined) continue;
    for (const clientId of provision.clientIds) yield [provision, clientId];
  }
}
