/**
 * The answer of a service: its settings are written, and when they and all that came before are durable,
 * the reply leaves, to the client that asked and to nobody else. MQTT 5.0 section 4.10.
 *
 * It is a PUBLISH with QoS 0. It goes to the Response Topic of the request; where that has none, to
 * `<topic>/response`, as long as the client subscribes to it.
 */

import type { Effect } from "../session/effect.ts";
import type { Delivery, Message } from "../session/message.ts";
import type { Request } from "../session/request.ts";
import { durably } from "../session/step.ts";
import type { Write } from "../session/write.ts";
import type { TopicName } from "../topic/topic_name.ts";
import { topicNameProblem } from "../topic/topic_name.ts";
import { fits, sendDelivery } from "./outgoing.ts";
import { takeOrder } from "./route.ts";
import type { Live, Tables } from "./tables.ts";
import { ask, observeDrop } from "./tables.ts";
import { deliveryTo } from "./target.ts";

export interface Answer {
  /** What it is the answer to. */
  readonly request: Pick<Request, "topic" | "sender">;
  /** Where it goes when the request named no Response Topic. Absent: `{topic}/response`. */
  readonly to?: TopicName | undefined;
  /** Comes back as the effect `answered`, when all is durable. */
  readonly ticket: number;
  readonly writes: readonly Write[];
  /** Speaks of what was asked for before it and may not be durable yet. */
  readonly afterAll: boolean;
  readonly payload: Uint8Array;
  /** In its place where the client takes no packet of that size. */
  readonly short: Uint8Array;
}

/** No service has a setting of that name, so this writes nothing; and what follows it stays in line. */
const BEHIND_ALL: Write = { type: "deleteSetting", name: "" };

/** Writes, then replies. */
export function answerRequest(tables: Tables, answer: Answer): void {
  const { request: { sender }, ticket, writes, afterAll } = answer;
  const then: Effect[] = [];
  const live = sender === undefined ? undefined : tables.connections.get(sender.connection);
  if (live?.client !== undefined) {
    const effect = reply(tables, live, answer);
    if (effect !== undefined) then.push(effect);
  }
  then.push({ type: "answered", ticket });
  const all = writes.length === 0 && afterAll ? [BEHIND_ALL] : writes;
  ask(tables, durably(live?.connection.clientId ?? "", all, ...then));
}

/** The effect that sends the reply; undefined where the client does not want it or cannot take it. */
function reply(tables: Tables, live: Live, answer: Answer): Effect | undefined {
  const { request: { topic, sender }, payload, short } = answer;
  const { correlationData } = sender!;
  const named = answerTopic(tables, answer);
  const to = named ?? answer.to ?? `${topic}/response`;
  const target = tables.tree.match(to).targets.find(({ client }) => client === live.client);
  if (target === undefined && named === undefined) {
    observeDrop(tables, live.connection.clientId, to, "noSubscriber");
    return undefined;
  }
  const message: Message = {
    order: takeOrder(tables),
    topic: to,
    payload,
    qos: 0,
    retain: false,
    properties: correlationData === undefined ? undefined : { correlationData },
    expiresAt: Infinity,
    publisher: "",
  };
  const shape = target ?? { retainAsPublished: false, identifiers: undefined };
  const whole = deliveryTo(message, shape, 0);
  const fitting = [whole, { ...whole, message: { ...message, payload: short } }]
    .find((delivery: Delivery) => fits(tables, live, delivery));
  if (fitting !== undefined) return sendDelivery(tables, live, fitting, 0, false);
  observeDrop(tables, live.connection.clientId, to, "tooLargeForClient");
  return undefined;
}

/** The Response Topic of the request, where it has one that is a good Topic Name. */
function answerTopic({ rules }: Tables, { request: { sender } }: Answer): string | undefined {
  const named = sender!.responseTopic;
  if (named === undefined || named === "") return undefined;
  return topicNameProblem(named, rules.limits.topicLevels) === undefined ? named : undefined;
}
