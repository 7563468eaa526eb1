/**
 * What the clients of this node want, told to the others: a filter once, however many clients have it. Told
 * before what waits for it, so that after SUBACK a message published on any node comes here.
 * Section 8 of the architecture.
 */

import type { Interest } from "../session/cluster_write.ts";
import { waitsForAll } from "../session/cluster_write.ts";
import type { Effect, Persist } from "../session/effect.ts";
import { isStored } from "../session/session.ts";
import { durably } from "../session/step.ts";
import type { Subscription } from "../session/subscription_map.ts";
import { allSubscriptions } from "../session/subscription_map.ts";
import type { Wanted } from "./cluster_tables.ts";
import type { Client, Tables } from "./tables.ts";
import { ask } from "./tables.ts";

/** Counts a subscription of a client that is connected here: 1 when it comes, -1 when it goes. */
export function countInterest(
  { cluster }: Tables,
  client: Client,
  subscription: Subscription,
  count: 1 | -1,
): void {
  if (cluster === undefined || client.live === undefined || isOwn(subscription)) return;
  const { full } = subscription;
  let wanted = cluster.wanted.get(full);
  if (wanted === undefined) {
    cluster.wanted.set(full, wanted = { all: 0, unstored: 0, announced: 0 });
  }
  wanted.all += count;
  if (subscription.options.qos > 0 && !isStored(client.session)) wanted.unstored += count;
  cluster.changed.add(full);
}

/** The same with all that a session subscribes to; its client has just come, or is about to go. */
export function countInterests(tables: Tables, client: Client, count: 1 | -1): void {
  if (tables.cluster === undefined) return;
  for (const subscription of allSubscriptions(client.session.subscriptions)) {
    countInterest(tables, client, subscription, count);
  }
}

/**
 * At the end of a step: what has changed goes to the others, together with the SUBACK that speaks of it. What was
 * announced for another client may not have come to all yet, so for this SUBACK it is announced again.
 */
export function announceChanges(tables: Tables): void {
  const { cluster } = tables;
  if (cluster === undefined || cluster.changed.size === 0) return;
  const at = tables.out.findIndex(hasSuback);
  const waits = at !== -1 && !(tables.out[at] as Persist).writes.some(waitsForAll);
  const writes = [];
  for (const full of cluster.changed) {
    const wanted = cluster.wanted.get(full)!;
    const interest = interestOf(full, wanted);
    if (wanted.all === 0) cluster.wanted.delete(full);
    if (interest === wanted.announced && !(waits && interest > 0)) continue;
    wanted.announced = interest;
    writes.push({ type: "announce", full, interest } as const);
  }
  cluster.changed.clear();
  if (writes.length === 0) return;
  if (at === -1) return ask(tables, durably("", writes));
  const persist = tables.out[at] as Persist;
  tables.out[at] = { ...persist, writes: [...writes, ...persist.writes] };
}

function hasSuback(effect: Effect): boolean {
  if (effect.type !== "persist") return false;
  return effect.then.some((each) => each.type === "send" && each.packet.type === "suback");
}

function interestOf(full: string, { all, unstored }: Wanted): Interest {
  if (full.startsWith("$share/")) return all;
  return unstored > 0 ? 2 : all > 0 ? 1 : 0;
}

/** `$SYS` tells of one node and stays there. */
function isOwn({ filter }: Subscription): boolean {
  return filter.startsWith("$SYS/");
}
