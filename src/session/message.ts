/**
 * An Application Message, and what one subscriber is owed of it. MQTT 5.0 sections 1.2 and 3.3.
 */

import { copied } from "../packet/frame_memory.ts";
import type { Publish, PublishProperties, QoS } from "../packet/packet.ts";
import type { ClientId, Instant } from "../policy/identity.ts";
import type { TopicName } from "../topic/topic_name.ts";

/** The number of a message in the order of arrival at the broker; grows, never used twice. */
export type Order = number;

export interface Message {
  readonly order: Order;
  readonly topic: TopicName;
  /** With QoS 0 a view on the bytes that were read, to be sent and not kept, until `owned` has copied it. */
  readonly payload: Uint8Array;
  readonly qos: QoS;
  /** The RETAIN flag as it was published. */
  readonly retain: boolean;
  /** Without those that belong to one hop: Topic Alias, Message Expiry, Subscription Identifiers. */
  readonly properties: PublishProperties | undefined;
  /** Infinity when the publisher set no Message Expiry Interval. */
  readonly expiresAt: Instant;
  /** For No Local. Empty for the broker's own. */
  readonly publisher: ClientId;
}

/** A message without content. */
export const NO_MESSAGE: Message = {
  order: 0,
  topic: "",
  payload: new Uint8Array(),
  qos: 0,
  retain: false,
  properties: undefined,
  expiresAt: Infinity,
  publisher: "",
};

/** A message on its way to one subscriber, as that subscriber's subscriptions ask for it. */
export interface Delivery {
  readonly message: Message;
  readonly qos: QoS;
  /** The RETAIN flag to send. */
  readonly retain: boolean;
  readonly subscriptionIdentifiers: readonly number[] | undefined;
  /** The key of the shared subscription that it came by. */
  readonly group: string | undefined;
}

/** Whether only order and payload may tell them apart. */
export function isLike(a: Delivery, b: Delivery): boolean {
  return a === b ||
    a.message.topic === b.message.topic && a.message.publisher === b.message.publisher &&
      a.message.properties === b.message.properties &&
      a.message.expiresAt === b.message.expiresAt && a.message.qos === b.message.qos &&
      a.message.retain === b.message.retain && a.qos === b.qos && a.retain === b.retain &&
      a.subscriptionIdentifiers === b.subscriptionIdentifiers && a.group === b.group;
}

/** One that is like `like`, of that order and with that payload. Spelt out: a spread costs several times as much. */
export function deliveryLike(like: Delivery, order: Order, payload: Uint8Array): Delivery {
  const { message, qos, retain, subscriptionIdentifiers, group } = like;
  return {
    message: {
      order,
      topic: message.topic,
      payload,
      qos: message.qos,
      retain: message.retain,
      properties: message.properties,
      expiresAt: message.expiresAt,
      publisher: message.publisher,
    },
    qos,
    retain,
    subscriptionIdentifiers,
    group,
  };
}

/** The message of a PUBLISH whose topic is known, i.e. after the Topic Alias was resolved. */
export function messageOf(
  publish: Publish,
  order: Order,
  publisher: ClientId,
  now: Instant,
): Message {
  const properties = publish.properties;
  return {
    order,
    topic: publish.topic,
    payload: publish.payload,
    qos: publish.qos,
    retain: publish.retain,
    properties: properties === undefined ? undefined : forwarded(properties),
    expiresAt: properties?.messageExpiryInterval === undefined
      ? Infinity
      : now + properties.messageExpiryInterval * 1000,
    publisher,
  };
}

/** What is handed on unaltered [MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-17] [MQTT-3.3.2-20]. */
export function forwarded(properties: PublishProperties): PublishProperties | undefined {
  const { topicAlias: _a, messageExpiryInterval: _e, subscriptionIdentifiers: _i, ...rest } =
    properties;
  for (const _ in rest) return rest;
  return undefined;
}

/**
 * The same message with bytes that may be kept, to be queued or retained. With QoS 1 and 2 they are that
 * already: the payload of QoS 0 is a part of what was read from the socket.
 */
export function owned(message: Message): Message {
  if (message.qos !== 0) return message;
  return {
    order: message.order,
    topic: message.topic,
    payload: copied(message.payload),
    qos: message.qos,
    retain: message.retain,
    properties: message.properties,
    expiresAt: message.expiresAt,
    publisher: message.publisher,
  };
}

/** Bytes that a kept message costs about, as limits count them. */
export function messageSize(message: Message): number {
  let size = 200 + message.topic.length + message.payload.length;
  const properties = message.properties;
  if (properties !== undefined) {
    size += (properties.correlationData?.length ?? 0) + (properties.responseTopic?.length ?? 0) +
      (properties.contentType?.length ?? 0);
    for (const [name, value] of properties.userProperties ?? []) {
      size += 32 + name.length + value.length;
    }
  }
  return size;
}

/** Bytes for which a message counts besides its content. */
export const SMALLEST_MESSAGE = messageSize(NO_MESSAGE);

/** The properties to send with a delivery now: the message's own and those of this hop. */
export function propertiesToSend(delivery: Delivery, now: Instant): PublishProperties | undefined {
  const { message, subscriptionIdentifiers } = delivery;
  if (message.expiresAt === Infinity && subscriptionIdentifiers === undefined) {
    return message.properties;
  }
  return {
    ...message.properties,
    // Less the time that it waited here, rounded up so that 1 s does not become 0 [MQTT-3.3.2-6].
    ...(message.expiresAt === Infinity ? {} : {
      messageExpiryInterval: Math.max(0, Math.ceil((message.expiresAt - now) / 1000)),
    }),
    ...(subscriptionIdentifiers === undefined ? {} : { subscriptionIdentifiers }),
  };
}

/** A delivery as the PUBLISH to encode; packet id 0 leaves the place for it open. */
export function publishOf(
  delivery: Delivery,
  packetId: number,
  dup: boolean,
  now: Instant,
): Publish {
  return {
    type: "publish",
    topic: delivery.message.topic,
    payload: delivery.message.payload,
    qos: delivery.qos,
    retain: delivery.retain,
    dup,
    packetId,
    properties: propertiesToSend(delivery, now),
  };
}
