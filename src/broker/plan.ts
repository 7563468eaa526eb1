/**
 * What a topic leads to, worked out once and cached until a subscription changes: one target for each
 * client however many of its filters match, one row for each shared subscription.
 * MQTT 5.0 sections 3.3.4 and 4.8.2.
 */

import type { QoS, SubscriptionOptions } from "../packet/packet.ts";
import type { NodeId } from "../policy/identity.ts";
import { receives } from "../policy/permits.ts";
import type { Rules } from "../policy/rules.ts";
import type { TopicName } from "../topic/topic_name.ts";
import type { Interest } from "../session/cluster_write.ts";
import type { Deals } from "./deal.ts";
import type { Client, ClientSubscriber, Group, Subscriber } from "./tables.ts";

/** One client that gets a message once. */
export interface Target {
  readonly client: Client;
  /** The highest of its matching subscriptions [MQTT-3.3.4-2]. */
  readonly qos: QoS;
  readonly retainAsPublished: boolean;
  /** All that its matching subscriptions have, in no order [MQTT-3.3.4-3] [MQTT-3.3.4-4]. */
  readonly identifiers: readonly number[] | undefined;
  /** Some of its matching subscriptions have No Local: its own messages need another look. */
  readonly someNoLocal: boolean;
  /** A rule names QoS or RETAIN for what is received: each message has to be asked about. */
  readonly asked: boolean;
  /** Those of its matching subscriptions. */
  readonly options: readonly SubscriptionOptions[];
}

export interface Plan {
  readonly targets: readonly Target[];
  readonly groups: readonly Group[];
  /** Other nodes that have clients for it. */
  readonly nodes: readonly NodeId[];
  /** Of these, the ones with clients that get QoS 1 and 2 and whose sessions are not stored. */
  readonly unstoredAt: readonly NodeId[];
  /** Whether any subscription in it has No Local. */
  readonly someNoLocal: boolean;
  /** How QoS 0 goes out, made when first needed. */
  cast: Cast | undefined;
  /** How runs go to its groups, made when first needed. */
  deals: Deals | undefined;
}

/** The targets of a plan sorted for QoS 0, as long as nobody comes, goes or is congested. */
export interface Cast {
  /** `Tables.liveVersion` that it was made for. */
  readonly liveVersion: number;
  readonly shapes: readonly Shape[];
  /** Those that cannot share bytes with others, or cannot be sent to. */
  readonly odd: readonly Target[];
}

/** Connections whose QoS 0 PUBLISH is the same bytes. */
export interface Shape {
  readonly version: 4 | 5;
  readonly retainAsPublished: boolean;
  readonly identifiers: readonly number[] | undefined;
  readonly to: number[];
}

/** For every topic that leads nowhere: a million retained topics without a subscriber need no plan each. Never written to. */
const NOBODY: Plan = {
  targets: [],
  groups: [],
  nodes: [],
  unstoredAt: [],
  someNoLocal: false,
  cast: undefined,
  deals: undefined,
};

/** The plan for one topic. */
export function planOf(rules: Rules, topic: TopicName, values: readonly Subscriber[]): Plan {
  if (values.length === 0) return NOBODY;
  const only = values.length === 1 ? values[0]! : undefined;
  if (only?.kind === "client") { // nearly always, where there are many subscriptions
    const may = mayReceive(rules, topic, only.client);
    return may === "all" ? only.alone ??= planFor(only, may) : planFor(only, may);
  }
  const groups: Group[] = [];
  const interests = new Map<NodeId, Interest>();
  const byClient = new Map<Client, SubscriptionOptions[]>();
  for (const value of values) {
    if (value.kind === "group") {
      groups.push(value);
      continue;
    }
    if (value.kind === "route") {
      const { node, interest } = value;
      interests.set(node, Math.max(interest, interests.get(node) ?? 0));
      continue;
    }
    const known = byClient.get(value.client);
    if (known === undefined) byClient.set(value.client, [value.options]);
    else known.push(value.options);
  }
  const targets: Target[] = [];
  for (const [client, options] of byClient) {
    const target = permittedTarget(client, options, mayReceive(rules, topic, client));
    if (target !== undefined) targets.push(target);
  }
  const someNoLocal = targets.some((target) => target.someNoLocal);
  const told = tells(topic);
  return {
    targets,
    groups,
    nodes: told ? [...interests.keys()] : NOBODY.nodes,
    unstoredAt: told
      ? [...interests.keys()].filter((node) => interests.get(node) === 2)
      : NOBODY.nodes,
    someNoLocal,
    cast: undefined,
    deals: undefined,
  };
}

/** Whether other nodes are told: `$SYS` is about one. */
function tells(topic: TopicName): boolean {
  return !topic.startsWith("$SYS/");
}

/** The plan for topics that lead to one client's one subscription. */
function planFor({ client, options }: ClientSubscriber, may: "all" | "none" | "some"): Plan {
  const target = permittedTarget(client, [options], may);
  return {
    targets: target === undefined ? [] : [target],
    groups: [],
    nodes: NOBODY.nodes,
    unstoredAt: NOBODY.nodes,
    someNoLocal: target?.someNoLocal === true,
    cast: undefined,
    deals: undefined,
  };
}

/** Whether a client may receive the topic: see `receives`. */
function mayReceive(rules: Rules, topic: TopicName, client: Client): "all" | "none" | "some" {
  const { owner, subscriptions: { awaited } } = client.session;
  return awaited ? "all" : receives(rules, owner, topic); // see `ownerChanged`
}

/** The target for a client's matching subscriptions; undefined where it may not receive the topic. */
function permittedTarget(
  client: Client,
  options: readonly SubscriptionOptions[],
  may: "all" | "none" | "some",
): Target | undefined {
  return may === "none" ? undefined : targetOf(client, options, may === "some");
}

/** The options of one client's matching subscriptions, at least one, as one target. */
export function targetOf(
  client: Client,
  options: readonly SubscriptionOptions[],
  asked: boolean,
): Target {
  let qos: QoS = 0;
  let retainAsPublished = false;
  let someNoLocal = false;
  let identifiers: number[] | undefined;
  for (const each of options) {
    if (each.qos > qos) qos = each.qos;
    retainAsPublished ||= each.retainAsPublished;
    someNoLocal ||= each.noLocal;
    if (each.subscriptionIdentifier !== undefined) {
      identifiers ??= [];
      identifiers.push(each.subscriptionIdentifier);
    }
  }
  return {
    client,
    qos,
    retainAsPublished,
    identifiers,
    someNoLocal,
    asked,
    options,
  };
}

/** The target for a message that the client published itself; undefined where No Local keeps it. */
export function withoutOwn(target: Target): Target | undefined {
  if (!target.someNoLocal) return target;
  const rest = target.options.filter(({ noLocal }) => !noLocal); // [MQTT-3.8.3-3]
  return rest.length === 0 ? undefined : targetOf(target.client, rest, target.asked);
}
