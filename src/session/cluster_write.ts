/**
 * What transitions ask of the state that several nodes share, beyond `Write`: only a broker that is one
 * of several makes these, and only a store that several share sees them. Section 8 of the architecture.
 */

import type { ClientId, NodeId } from "../policy/identity.ts";
import type { TopicFilter } from "../topic/topic_filter.ts";
import type { Delivery, Message } from "./message.ts";
import type { PersistedWrite } from "./run_write.ts";
import type { Write } from "./write.ts";

/** Orders of messages are unique in a cluster: a node's are its slot modulo this. */
export const SLOTS = 1_024;

/** What the store holds the queue of a session to that nobody has: who has it does so himself. */
export interface PostBound {
  readonly messages: number;
  /** Of all messages in it, as `messageSize` counts. */
  readonly bytes: number;
  /** The oldest goes where there is no room; otherwise the new one does. */
  readonly dropOldest: boolean;
}

/**
 * How much of a filter the clients of a node want: 1 only what comes to them with QoS 0, or what they have
 * queues in the store for; 2 also messages with QoS 1 and 2 for sessions that are not stored. Of a Shared
 * Subscription it is the number of its members that are connected there. 0: nothing any more.
 */
export type Interest = number;

export type ClusterWrite =
  /** At the end of the queue of a session that this node does not have: who has it is told. */
  | {
    readonly type: "post";
    readonly clientId: ClientId;
    readonly delivery: Delivery;
    readonly bound: PostBound;
  }
  /** A message with QoS 1 or 2 for the clients of another node whose sessions are not stored. */
  | { readonly type: "forward"; readonly node: NodeId; readonly message: Message }
  /** A message for one member of a shared subscription, of those that another node has. */
  | {
    readonly type: "share";
    readonly node: NodeId;
    /** `$share/{ShareName}/{filter}`. */
    readonly group: TopicFilter;
    readonly message: Message;
  }
  /** It has been dealt with, whatever became of it: out of the inbox of `node` with it. */
  | { readonly type: "taken"; readonly node: NodeId; readonly entry: string }
  /** What clients of this node are subscribed to: `full` is the filter as they sent it. */
  | { readonly type: "announce"; readonly full: TopicFilter; readonly interest: Interest }
  /** The client's session is nobody's from now on, its queue open for all. */
  | { readonly type: "release"; readonly clientId: ClientId }
  /** All that a node had which is no more has been taken over. */
  | { readonly type: "buried"; readonly node: NodeId };

/** One record, of whatever kind. */
export type AnyWrite = Write | ClusterWrite;

/**
 * Whether what speaks of it has to wait until every node has it: a subscription, so that after SUBACK nothing
 * that is published anywhere misses it; its end or that of its session, so that nothing published after UNSUBACK
 * or CONNACK comes by it [MQTT-3.10.4-2]; and a retained message, so that a later SUBSCRIBE anywhere finds it.
 */
export function waitsForAll(write: PersistedWrite): boolean {
  switch (write.type) {
    case "putSubscription":
    case "deleteSubscription":
    case "deleteSession":
    case "putRetained":
    case "deleteRetained":
      return true;
    case "announce":
      return write.interest > 0;
    default:
      return false;
  }
}
