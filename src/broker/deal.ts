/**
 * A run for shared subscriptions, dealt out: each member that is here gets as many of the packets as if they were
 * taken one by one, round robin, but those that it gets stand one behind the other and go on as they came. Which
 * member gets which message is the broker's choice. MQTT 5.0 section 4.8.2.
 *
 * Knows the case in which all members that may have the topic take the same bytes; `shared.ts` knows the others.
 */

import type { PublishRun } from "../packet/publish_run.ts";
import { partOf } from "../packet/publish_run.ts";
import type { ConnectionId } from "../policy/identity.ts";
import type { TopicName } from "../topic/topic_name.ts";
import { mayReceive } from "./access.ts";
import { shareable } from "./cast.ts";
import type { Plan } from "./plan.ts";
import type { Group, Member, Tables } from "./tables.ts";
import { sendable } from "./tables.ts";

/** How QoS 0 goes to the groups of a plan, as long as nobody joins, leaves, comes, goes or is congested. */
export interface Deals {
  /** `Tables.liveVersion` that it was made for. */
  readonly liveVersion: number;
  /** The version of all takers; undefined where any of the groups wants a look at each message. */
  readonly version: 4 | 5 | undefined;
  readonly each: readonly Deal[];
}

/** The members of one group that take their turns, in their order. */
interface Deal {
  readonly group: Group;
  readonly takers: readonly Taker[];
}

interface Taker {
  /** Where it stands among the members. */
  readonly at: number;
  /** It alone, as the effect wants it. */
  readonly to: readonly ConnectionId[];
}

/** The deals of a plan with groups: the same for all QoS 0 messages without RETAIN until anything changes. */
export function keptDeals(tables: Tables, plan: Plan, topic: TopicName): Deals {
  const { deals } = plan;
  if (deals !== undefined && deals.liveVersion === tables.liveVersion) return deals;
  return plan.deals = makeDeals(tables, plan.groups, topic);
}

function makeDeals(tables: Tables, groups: readonly Group[], topic: TopicName): Deals {
  const { liveVersion } = tables;
  const each: Deal[] = [];
  let version: 4 | 5 | undefined;
  for (const group of groups) {
    const takers: Taker[] = [];
    for (const [at, member] of group.members.entries()) {
      const { client } = member;
      if (!sendable(client) || !mayReceive(tables, client, topic, 0, false)) continue;
      const { id, connection } = client.live!;
      const itsVersion = connection.version === 5 ? 5 : 4;
      version ??= itsVersion;
      if (itsVersion !== version || !takesAsItIs(member)) {
        return { liveVersion, version: undefined, each: [] };
      }
      takers.push({ at, to: [id] });
    }
    // Dropped, and told; or for another node as well.
    if (takers.length === 0 || group.elsewhere.size > 0) {
      return { liveVersion, version: undefined, each: [] };
    }
    each.push({ group, takers });
  }
  return { liveVersion, version, each };
}

function takesAsItIs({ client, subscription }: Member): boolean {
  return shareable(client) && subscription.options.subscriptionIdentifier === undefined;
}

/** Sends each taker its part; the group goes on behind the last one that had one more. */
export function dealOut(tables: Tables, { group, takers }: Deal, run: PublishRun): void {
  const { length } = takers;
  let first = 0;
  while (first < length && takers[first]!.at < group.next) first += 1;
  const least = Math.floor(run.count / length);
  const oneMore = run.count % length;
  let from = 0;
  for (let i = 0; i < length && i < run.count; i++) {
    const part = partOf(run, from, i < oneMore ? least + 1 : least);
    tables.out.push({ type: "deliverRun", to: takers[(first + i) % length]!.to, run: part });
    from += part.bytes.length;
  }
  const last = takers[(first + run.count - 1) % length]!;
  group.next = (last.at + 1) % group.members.length;
}
