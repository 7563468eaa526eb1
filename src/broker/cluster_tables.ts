/**
 * What a broker that is one node of several keeps beside its own tables: who else is there, what clients of
 * this node want and what the others have been told of it, and whose sessions are being fetched.
 */

import type { ClientId, NodeId } from "../policy/identity.ts";
import type { Interest } from "../session/cluster_write.ts";
import type { Order } from "../session/message.ts";
import type { TopicFilter } from "../topic/topic_filter.ts";
import type { ManagementEvent } from "./manage.ts";
import type { Live } from "./tables.ts";

export interface ClusterTables {
  readonly node: NodeId;
  readonly slot: number;
  /** Of a shared subscription, members that are connected here come first. */
  readonly localFirst: boolean;
  /** Who is there, this node included, the longest-lived first. */
  nodes: readonly NodeId[];
  /** By the filter as it was sent, `$share` included. */
  readonly wanted: Map<TopicFilter, Wanted>;
  /** Filters in `wanted` that have changed in this step. */
  readonly changed: Set<TopicFilter>;
  /** What other nodes have announced, to be forgotten with them. */
  readonly routes: Map<NodeId, Map<TopicFilter, Interest>>;
  /** CONNECTs that wait for their session. */
  readonly claiming: Map<ClientId, Live>;
  /**
   * What this node has posted to sessions since it asked for them, until it has come back as mail: what is
   * published meanwhile goes the same way, so that nothing overtakes.
   */
  readonly posted: Map<ClientId, Set<Order>>;
  /**
   * Orders that have come for a session amid a read of its queue, and not behind all others: the read may have
   * been made before they were in the store.
   */
  readonly amid: Map<ClientId, Set<Order>>;
  /**
   * How many own writes about the retained message of a topic the log has not told of yet, by its `mapKey`: they come
   * behind what it tells meanwhile, and so do the tables.
   */
  readonly retaining: Map<string, number>;
  /** Sessions that are not let go of yet, as they have been asked for again: what is answered decides. */
  readonly owed: Set<ClientId>;
  /** What is to be done with a session when it has come, though its client has not. */
  readonly errands: Map<ClientId, Errands>;
}

/** Of the clients that are connected here, with one filter. */
export interface Wanted {
  /** Their number. */
  all: number;
  /** Those that get QoS 1 or 2 and whose session is not stored. */
  unstored: number;
  announced: Interest;
}

/** Its end or its Will is due, or somebody manages it. */
export type Errand =
  | { readonly type: "expired" }
  | { readonly type: "will" }
  | ManagementEvent;

/** All that is to be done with one session, in the order in which it was asked for. */
export interface Errands {
  all: Errand[];
  /**
   * How the session has been asked for on their behalf; undefined: not at all, as a CONNECT has asked for it, and
   * of two answers only the later one would say all that waits in its queue.
   */
  asked: "ifFree" | "inAnyCase" | undefined;
}

/** What a broker is told of the node that it is. */
export type ClusterNode = Pick<ClusterTables, "node" | "slot" | "localFirst">;

/** Of a node that knows of no other yet. */
export function newClusterTables({ node, slot, localFirst }: ClusterNode): ClusterTables {
  return {
    node,
    slot,
    localFirst,
    nodes: [node],
    wanted: new Map(),
    changed: new Set(),
    routes: new Map(),
    claiming: new Map(),
    posted: new Map(),
    amid: new Map(),
    retaining: new Map(),
    owed: new Set(),
    errands: new Map(),
  };
}
