/**
 * A run for shared subscriptions, dealt out: each member that is here gets as many of the packets as if they were
 * taken one by one, round robin, but those that it gets stand one behind the other and go on as they came. Which
 * member gets which message is the broker's choice. MQTT 5.0 section 4.8.2.
 *
 * Knows the case in which all members that may have the topic take the same bytes; `shared.ts` knows the others.
 */

import type { NumberedRun } from "../packet/numbered_run.ts";
import { partOfNumbered } from "../packet/numbered_run.ts";
import type { ProtocolVersion, Publish, QoS } from "../packet/packet.ts";
import type { PublishRun } from "../packet/publish_run.ts";
import { partOf } from "../packet/publish_run.ts";
import type { ConnectionId } from "../policy/identity.ts";
import type { Effect } from "../session/effect.ts";
import type { Delivery } from "../session/message.ts";
import { queueLength } from "../session/queue.ts";
import { isStored } from "../session/session.ts";
import type { TopicName } from "../topic/topic_name.ts";
import { mayReceive } from "./access.ts";
import { shareable } from "./cast.ts";
import type { Plan } from "./plan.ts";
import { sendAll, takesAll } from "./send_run.ts";
import type { Client, Group, Member, Tables } from "./tables.ts";
import { sendable } from "./tables.ts";

/** How runs go to the groups of a plan, as long as nobody joins, leaves, comes, goes or is congested. */
export interface Deals {
  /** Of the messages that it was made for. */
  readonly qos: QoS;
  /** `Tables.liveVersion` that it was made for. */
  readonly liveVersion: number;
  /** The version of all takers; undefined where any of the groups wants a look at each message. */
  readonly version: 4 | 5 | undefined;
  readonly each: readonly Deal[];
}

/** The members of one group that take their turns, in their order. */
export interface Deal {
  readonly group: Group;
  readonly takers: readonly Taker[];
}

interface Taker {
  /** Where it stands among the members. */
  readonly at: number;
  readonly client: Client;
  /** It alone, as the effect wants it. */
  readonly to: readonly ConnectionId[];
}

/** The deals of a plan with groups: the same for all messages of a QoS without RETAIN until anything changes. */
export function keptDeals(tables: Tables, plan: Plan, topic: TopicName, qos: QoS): Deals {
  const { deals } = plan;
  if (deals !== undefined && deals.liveVersion === tables.liveVersion && deals.qos === qos) {
    return deals;
  }
  return plan.deals = makeDeals(tables, plan.groups, topic, qos);
}

function makeDeals(tables: Tables, groups: readonly Group[], topic: TopicName, qos: QoS): Deals {
  const { liveVersion } = tables;
  const each: Deal[] = [];
  let version: 4 | 5 | undefined;
  for (const group of groups) {
    const takers: Taker[] = [];
    for (const [at, member] of group.members.entries()) {
      const { client } = member;
      if (!sendable(client) || !mayReceive(tables, client, topic, qos, false)) continue;
      const { id, connection } = client.live!;
      const itsVersion = connection.version === 5 ? 5 : 4;
      version ??= itsVersion;
      if (itsVersion !== version || !takesAsItIs(member, qos)) {
        return { liveVersion, qos, version: undefined, each: [] };
      }
      takers.push({ at, client, to: [id] });
    }
    // Dropped, and told; or for another node as well.
    if (takers.length === 0 || group.elsewhere.size > 0) {
      return { liveVersion, qos, version: undefined, each: [] };
    }
    each.push({ group, takers });
  }
  return { liveVersion, qos, version, each };
}

function takesAsItIs({ client, subscription: { options } }: Member, qos: QoS): boolean {
  return shareable(client) && options.subscriptionIdentifier === undefined && options.qos >= qos;
}

/** Sends each taker its part; the group goes on behind the last one that had one more. */
export function dealOut(tables: Tables, { group, takers }: Deal, run: PublishRun): void {
  const { length } = takers;
  const first = firstOf(group, takers);
  let from = 0;
  for (let i = 0; i < length && i < run.count; i++) {
    const part = partOf(run, from, shareOf(i, run.count, length));
    tables.out.push({ type: "deliverRun", to: takers[(first + i) % length]!.to, run: part });
    from += part.bytes.length;
  }
  goOn(group, takers, first + run.count);
}

/** Where the first of the takers stands whose turn it is. */
function firstOf(group: Group, takers: readonly Taker[]): number {
  let first = 0;
  while (first < takers.length && takers[first]!.at < group.next) first += 1;
  return first;
}

/** How many of `count` messages the taker gets that is the `i`-th to have its turn, of so many. */
function shareOf(i: number, count: number, takers: number): number {
  const least = Math.floor(count / takers);
  return i < count % takers ? least + 1 : least;
}

/** The next turn is that of the member behind the last one that had its own: so many have been had. */
function goOn(group: Group, takers: readonly Taker[], turns: number): void {
  const last = takers[(turns - 1) % takers.length]!;
  group.next = (last.at + 1) % group.members.length;
}

/**
 * How so many messages with QoS 1 or 2, of `size` bytes together, go to the one group of a plan; undefined where
 * anything waits or is to be stored, or one of its members does not take its part at once.
 */
export function numberedDeal(
  tables: Tables,
  plan: Plan,
  first: Publish,
  version: ProtocolVersion,
  count: number,
  size: number,
): Deal | undefined {
  if (plan.groups.length !== 1 || tables.cluster !== undefined) return undefined;
  const { session } = plan.groups[0]!;
  if (isStored(session) || queueLength(session.queue) > 0) return undefined;
  const deals = keptDeals(tables, plan, first.topic, first.qos);
  if (deals.version === undefined) return undefined;
  const deal = deals.each[0]!;
  const { takers } = deal;
  const most = Math.ceil(count / takers.length);
  for (let i = 0; i < takers.length; i++) {
    if (!takesAll(tables, takers[i]!.client, version, most, size)) return undefined;
  }
  return deal;
}

/** Sends each taker its part; as `dealOut`. */
export function dealOutNumbered(
  tables: Tables,
  { group, takers }: Deal,
  deliveries: readonly Delivery[],
  run: NumberedRun,
  then: Effect[],
): void {
  const { length } = takers;
  const count = deliveries.length;
  const first = firstOf(group, takers);
  for (let i = 0, from = 0; i < length && i < count; i++) {
    const share = shareOf(i, count, length);
    const part = partOfNumbered(run, from, share);
    const own = deliveries.slice(from, from + share);
    then.push(sendAll(tables, takers[(first + i) % length]!.client, own, part));
    from += share;
  }
  goOn(group, takers, first + count);
}
