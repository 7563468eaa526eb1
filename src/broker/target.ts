/**
 * The delivery of a message to one target or one wire shape.
 */

import type { QoS } from "../packet/packet.ts";
import { permits } from "../policy/permits.ts";
import type { Delivery, Message } from "../session/message.ts";
import type { Client, Tables } from "./tables.ts";

/** The RETAIN flag is 0 unless the subscription asks for it as published [MQTT-3.3.1-12]. */
export function deliveryTo(
  message: Message,
  target: {
    readonly retainAsPublished: boolean;
    readonly identifiers: readonly number[] | undefined;
  },
  qos: QoS,
): Delivery {
  return {
    message,
    qos,
    retain: target.retainAsPublished && message.retain,
    subscriptionIdentifiers: target.identifiers,
    group: undefined,
  };
}

/** Whether the rules deny a message to a client whose plan could not say so. */
export function isWithheld(
  { rules }: Tables,
  { session }: Client,
  { message, qos, retain }: Delivery,
): boolean {
  return !permits(rules, session.owner, "receive", message.topic, qos, retain).permitted;
}
