/**
 * What a topic leads to, worked out once and cached until a subscription changes: one target for each
 * client however many of its filters match, one row for each shared subscription.
 * MQTT 5.0 sections 3.3.4 and 4.8.2.
 */

import type { QoS } from "../packet/packet.ts";
import { permits } from "../policy/permits.ts";
import type { Rules } from "../policy/rules.ts";
import type { TopicName } from "../topic/topic_name.ts";
import type { Subscription } from "../session/subscription_map.ts";
import type { Client, Group, Subscriber } from "./tables.ts";

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
  readonly subscriptions: readonly Subscription[];
}

export interface Plan {
  readonly targets: readonly Target[];
  readonly groups: readonly Group[];
  /** Whether any subscription in it has No Local. */
  readonly someNoLocal: boolean;
  /** How QoS 0 goes out, made when first needed. */
  cast: Cast | undefined;
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

/** The plan for one topic. */
export function planOf(rules: Rules, topic: TopicName, values: readonly Subscriber[]): Plan {
  const groups: Group[] = [];
  const byClient = new Map<Client, Subscription[]>();
  for (const value of values) {
    if (value.kind === "group") {
      groups.push(value);
      continue;
    }
    const known = byClient.get(value.client);
    if (known === undefined) byClient.set(value.client, [value.subscription]);
    else known.push(value.subscription);
  }
  const targets: Target[] = [];
  for (const [client, subscriptions] of byClient) {
    if (permits(rules, client.session.owner, "receive", topic).permitted) { // see `ownerChanged`
      targets.push(targetOf(client, subscriptions));
    }
  }
  const someNoLocal = targets.some((target) => target.someNoLocal);
  return { targets, groups, someNoLocal, cast: undefined };
}

/** One client's matching subscriptions, at least one, as one target. */
export function targetOf(client: Client, subscriptions: readonly Subscription[]): Target {
  let qos: QoS = 0;
  let retainAsPublished = false;
  let someNoLocal = false;
  const identifiers: number[] = [];
  for (const { options } of subscriptions) {
    if (options.qos > qos) qos = options.qos;
    retainAsPublished ||= options.retainAsPublished;
    someNoLocal ||= options.noLocal;
    if (options.subscriptionIdentifier !== undefined) {
      identifiers.push(options.subscriptionIdentifier);
    }
  }
  return {
    client,
    qos,
    retainAsPublished,
    identifiers: identifiers.length === 0 ? undefined : identifiers,
    someNoLocal,
    subscriptions,
  };
}

/** The target for a message that the client published itself; undefined where No Local keeps it. */
export function withoutOwn(target: Target): Target | undefined {
  if (!target.someNoLocal) return target;
  const rest = target.subscriptions.filter(({ options }) => !options.noLocal); // [MQTT-3.8.3-3]
  return rest.length === 0 ? undefined : targetOf(target.client, rest);
}
