/** Runs of deliveries for tests, of the bytes that a publisher sends. */

import { encodePublish } from "../../src/packet/publish_frame.ts";
import type { DeliveryRun } from "../../src/session/delivery_run.ts";
import { NO_MESSAGE } from "../../src/session/message.ts";
import { plainPublish } from "../packets.ts";

/** As many deliveries as payloads. */
export function runOf(
  payloads: readonly Uint8Array[],
  more: Partial<Pick<DeliveryRun, "version" | "firstOrder" | "orderStep">> & {
    readonly qos?: 1 | 2;
    readonly topic?: string;
  } = {},
): DeliveryRun {
  const { qos = 1, topic = "a", version = 4, firstOrder = 1, orderStep = 1 } = more;
  const message = { ...NO_MESSAGE, topic, qos, publisher: "pump" };
  const bytes: number[] = [];
  const packetIdsAt: number[] = [];
  for (const payload of payloads) {
    const frame = encodePublish(plainPublish(topic, payload, { qos }), version);
    packetIdsAt.push(bytes.length + frame.packetIdAt);
    bytes.push(...frame.bytes);
  }
  return {
    bytes: Uint8Array.from(bytes),
    packetIdsAt,
    payload: payloads.reduce((sum, { length }) => sum + length, 0),
    like: { message, qos, retain: false, subscriptionIdentifiers: undefined, group: undefined },
    version,
    firstOrder,
    orderStep,
  };
}
