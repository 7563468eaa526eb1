/**
 * What happens to a broker because it is one node of several. All of it comes by way of the state that they
 * share, in the order in which it became durable there. Section 8 of the architecture.
 */

import type { ClientId, ConnectionId, NodeId } from "../policy/identity.ts";
import type { AnyWrite } from "../session/cluster_write.ts";
import type { Delivery, Message, Order } from "../session/message.ts";
import type { PendingWill, StoredSession } from "../session/write.ts";
import type { TopicFilter } from "../topic/topic_filter.ts";

/** A session as the store has it, with what its queue holds: `orders` and `sizes` of all of it, oldest first. */
export interface ClaimedSession extends StoredSession {
  readonly orders: readonly Order[];
  readonly sizes: readonly number[];
  /** Only of a node that is no more: who is connected keeps its Will in its node's tables. */
  readonly will?: PendingWill | undefined;
}

export type ClusterEvent =
  /**
   * The session is this node's, and empty where there was none. By now everything has been fed that became
   * durable before: other nodes' writes, what came for the session while nobody had it.
   */
  | {
    readonly type: "claimed";
    readonly connection: ConnectionId;
    readonly clientId: ClientId;
    readonly stored: ClaimedSession;
    /** Of any message that was ever written, anywhere: this node's next ones come after it. */
    readonly highest: Order;
  }
  /** Somebody else has it and does not let go, or the store does not answer. */
  | {
    readonly type: "notClaimed";
    readonly connection: ConnectionId;
    readonly clientId: ClientId;
    readonly detail: string;
  }
  /**
   * What a node has written, this one included: only of the kinds that every node keeps in its tables, which
   * are sessions, subscriptions, retained messages, Wills with an instant, `announce` and `release`.
   */
  | { readonly type: "replicated"; readonly from: NodeId; readonly writes: readonly AnyWrite[] }
  /** Another node has put a message into the queue of a session that is this node's. */
  | { readonly type: "mail"; readonly clientId: ClientId; readonly delivery: Delivery }
  /** A message for those connected here that have no queue in the store for it, or for a member of a group. */
  | {
    readonly type: "forwarded";
    readonly message: Message;
    readonly group: TopicFilter | undefined;
    /** It came without a trace in the store: whoever gets it with QoS 1 or 2 gets it by another way. */
    readonly cast?: true;
  }
  /** A message for one member of a shared subscription; `taken` goes into the persist that deals with it. */
  | {
    readonly type: "shared";
    readonly group: TopicFilter;
    readonly message: Message;
    readonly taken: AnyWrite;
  }
  /** A client has connected to another node: here it is to be closed, and its session let go of. */
  | { readonly type: "wanted"; readonly clientId: ClientId }
  /** The node it was connected to is no more: its session is this node's now, its connection is over. */
  | { readonly type: "adopted"; readonly clientId: ClientId; readonly stored: ClaimedSession }
  /** All of a dead node's sessions were fed as `adopted` and `shared`. */
  | { readonly type: "buried"; readonly node: NodeId }
  /** Who is there, this node included, the longest-lived first; whoever is not in it any more has gone. */
  | { readonly type: "nodes"; readonly nodes: readonly NodeId[] };
