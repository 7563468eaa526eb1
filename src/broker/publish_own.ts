/**
 * What the broker publishes itself, such as `$SYS`: retained like any other message, but never stored, as it
 * speaks of this run of the broker only.
 */

import type { Message } from "../session/message.ts";
import { durably } from "../session/step.ts";
import type { TopicName } from "../topic/topic_name.ts";
import { fanOut } from "./fan_out.ts";
import { keepRetained } from "./retain.ts";
import { takeOrder } from "./route.ts";
import type { Tables } from "./tables.ts";
import { ask } from "./tables.ts";

/** A message of the broker's own: QoS 0, retained unless it says otherwise. */
export interface OwnMessage {
  readonly topic: TopicName;
  readonly payload: Uint8Array;
  readonly retain?: boolean;
}

/** Retains each, unless it is not to be, and sends it to whoever subscribes. */
export function publishOwn(tables: Tables, messages: readonly OwnMessage[]): void {
  for (const { topic, payload, retain = true } of messages) {
    const message: Message = {
      order: takeOrder(tables),
      topic,
      payload,
      qos: 0,
      retain,
      properties: undefined,
      expiresAt: Infinity,
      publisher: "",
    };
    if (retain) keepRetained(tables, message);
    const { writes, then } = fanOut(tables, message);
    ask(tables, durably("", writes, ...then));
  }
}
