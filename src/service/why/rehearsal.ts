/**
 * What a message would lead to if it were routed now: the broker's own fan-out, on copies of the rows that it
 * changes. So it cannot be of another opinion than the broker. MQTT 5.0 section 3.3.4.
 *
 * It changes nothing that is not its own; of the tables it reads.
 */

import { fanOut } from "../../broker/fan_out.ts";
import type { Plan, Target } from "../../broker/plan.ts";
import type { Client, Group, Live, Subscriber, Tables } from "../../broker/tables.ts";
import type { ClientId, ConnectionId, NodeId } from "../../policy/identity.ts";
import { singles } from "../../session/run_write.ts";
import type { Effect } from "../../session/effect.ts";
import * as fifo from "../../session/fifo.ts";
import type { Message } from "../../session/message.ts";
import type { DropReason } from "../../session/reason_words.ts";
import type { AnyWrite } from "../../session/cluster_write.ts";
import { FilterTree } from "../../topic/filter_tree.ts";

/** What became of it at one place: with those who subscribe for themselves, or in one shared subscription. */
export interface Act {
  /** Connections that it was sent to. */
  readonly sentTo: ReadonlySet<ConnectionId>;
  /** Client identifiers, and keys of shared subscriptions, in whose queues it is now. */
  readonly queuedAt: ReadonlySet<string>;
  readonly drops: readonly Dropped[];
  /** The node of a cluster, one of whose members of the shared subscription gets it. */
  readonly passedTo: NodeId | undefined;
}

export interface Dropped {
  readonly key: string;
  readonly reason: DropReason;
  readonly count: number;
}

export interface Rehearsal {
  readonly direct: Act;
  /** By the key of the shared subscription. */
  readonly groups: ReadonlyMap<string, Act>;
  /** Something of it is written into the store, on which all of it waits. */
  readonly writes: boolean;
  /** Subscribers that were left out, as there are so many. */
  readonly leftOut: number;
}

/**
 * Rehearses it.
 *
 * @param about the client that must not be left out
 * @param most subscribers that are looked at
 */
export function rehearse(
  tables: Readonly<Tables>,
  message: Message,
  about: ClientId,
  most: number,
): Rehearsal {
  const plan = tables.tree.match(message.topic);
  const chosen = plan.targets.length <= most
    ? plan.targets
    : [...plan.targets.slice(0, most), ...plan.targets.slice(most).filter(isAbout(about))];
  const stage = new Stage(tables);
  const direct = stage.play(message, chosen, []);
  const groups = new Map<string, Act>();
  for (const group of plan.groups) groups.set(group.key, stage.play(message, [], [group]));
  return { direct, groups, writes: stage.writes, leftOut: plan.targets.length - chosen.length };
}

function isAbout(clientId: ClientId): (target: Target) => boolean {
  return ({ client }) => client.clientId === clientId;
}

/** The copies, on which one act follows the other. */
class Stage {
  writes = false;
  #tables: Tables;
  readonly #clients = new Map<Client, Client>();

  constructor(tables: Readonly<Tables>) {
    this.#tables = {
      ...tables,
      connections: new Map(),
      clients: new Map(),
      groups: new Map(),
      cluster: tables.cluster && {
        ...tables.cluster,
        posted: new Map(Array.from(tables.cluster.posted, ([id, orders]) => [id, new Set(orders)])),
      },
      queuedBy: new Map(),
      ending: new Map(),
      heldBack: new Set(),
      runnable: new Set(),
      out: [],
    };
    this.#before = tables;
  }

  readonly #before: Readonly<Tables>;

  play(message: Message, targets: readonly Target[], groups: readonly Group[]): Act {
    const copies = groups.map((group) => this.#groupOf(group));
    const plan: Plan = {
      targets: targets.map((target) => ({ ...target, client: this.#clientOf(target.client) })),
      groups: copies,
      someNoLocal: targets.some((target) => target.someNoLocal),
      nodes: [],
      unstoredAt: [],
      cast: undefined,
      deals: undefined,
    };
    const tree = new FilterTree<Subscriber, Plan>(() => plan, 0);
    this.#tables = { ...this.#tables, tree, out: [] };
    const { writes, then } = fanOut(this.#tables, message);
    const rows = [...plan.targets.map(({ client }) => client), ...copies];
    return this.#actOf([...this.#tables.out, ...then], writes, message, rows);
  }

  #actOf(
    effects: readonly Effect[],
    writes: readonly AnyWrite[],
    { order }: Message,
    rows: readonly (Client | Group)[],
  ): Act {
    const sentTo = new Set<ConnectionId>();
    const queuedAt = new Set<string>();
    const drops: Dropped[] = [];
    let passedTo: NodeId | undefined;
    const look = (effect: Effect) => {
      if (effect.type === "deliver") { for (const id of effect.to) sentTo.add(id); }
      else if (effect.type === "deliverAs" || effect.type === "publishAll") sentTo.add(effect.to);
      else if (effect.type === "send" && effect.packet.type === "publish") sentTo.add(effect.to);
      else if (effect.type === "persist") {
        effect.then.forEach(look);
        write(singles(effect.writes));
      } else if (effect.type === "cast" && effect.group !== undefined) passedTo = effect.nodes[0];
      else if (effect.type === "observe" && effect.fact.type === "dropped") {
        const { clientId, reason, count } = effect.fact;
        drops.push({ key: clientId, reason, count });
      }
    };
    const write = (all: readonly AnyWrite[]) => {
      if (all.length > 0) this.writes = true;
      for (const each of all) {
        if (each.type === "share") passedTo = each.node;
        if (each.type !== "putQueued" && each.type !== "post") continue;
        if (each.delivery.message.order === order) queuedAt.add(each.clientId);
      }
    };
    effects.forEach(look);
    write(writes);
    for (const { session } of rows) { // what is not stored writes nothing
      if (session.stored) continue;
      const { head } = session.queue;
      if (fifo.toArray(head).at(-1)?.message.order === order) queuedAt.add(session.clientId);
    }
    return { sentTo, queuedAt, drops, passedTo };
  }

  #groupOf(group: Group): Group {
    const members = group.members.map(({ client, subscription }) => ({
      client: this.#clientOf(client),
      subscription,
    }));
    return { ...group, members };
  }

  #clientOf(client: Client): Client {
    const known = this.#clients.get(client);
    if (known !== undefined) return known;
    const copy: Client = { ...client };
    this.#clients.set(client, copy);
    if (client.live !== undefined) copy.live = this.#liveOf(client.live, copy);
    const { user } = client.session.owner;
    const tally = user === undefined ? undefined : this.#before.queuedBy.get(user);
    if (tally !== undefined && !this.#tables.queuedBy.has(user!)) {
      this.#tables.queuedBy.set(user!, { ...tally });
    }
    return copy;
  }

  #liveOf(live: Live, client: Client): Live {
    const { outgoingAliases } = live;
    const copy: Live = {
      ...live,
      client,
      outgoingAliases: outgoingAliases === undefined ? undefined : new Map(outgoingAliases),
    };
    this.#tables.connections.set(live.id, copy);
    return copy;
  }
}
