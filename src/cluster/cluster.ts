/**
 * What makes a broker one of several: the interface that `src/redis/` implements, and the one contract suite
 * (tests/contract/cluster_contract.ts) that each implementation must pass. Section 8 of the architecture.
 *
 * The state lives in one place that all nodes reach, and every change of it is one atomic batch. A node is one
 * run of one broker. It holds a lease; when that ends, another node declares it dead, and from then on nothing
 * that it writes is taken: a node that was paused or cut off finds out with its next write. A session belongs
 * to one node at most, which alone changes it, until that node lets go of it or is dead. Only `post` may add to
 * the queue of a session that is somebody else's.
 *
 * As data, a QoS 1 PUBLISH on node A, for `panel` (stored, connected to B) and `phone` (not stored, on C):
 *
 *     A  persist [post panel m, forward C m] then [PUBACK]     one atomic batch; PUBACK when it is durable
 *        queue of panel + m;  inbox of B + mail panel m;  inbox of C + forward m
 *     B  mail panel m      -> persist [putInflight 3 m, deleteQueued m] then [PUBLISH 3]
 *     C  forwarded m       -> PUBLISH to phone
 *
 * What every node keeps in its tables (sessions with their subscriptions, retained messages, who wants what)
 * travels in one log, in the order of the commits. `commit` resolves for subscriptions and retained messages
 * only when every living node has taken that part of the log in, so after SUBACK a message published anywhere
 * finds the subscription.
 */

import type { ClusterEvent } from "../broker/cluster_event.ts";
import type { ClientId, ConnectionId, NodeId } from "../policy/identity.ts";
import type { Message } from "../session/message.ts";
import type { TopicFilter } from "../topic/topic_filter.ts";

/** What a node does with what it hears. */
export interface ClusterListener {
  /** Takes an event in; what is fed together belongs to one turn. */
  feed(event: ClusterEvent): void;
  /** The turn is over. */
  endTurn(): void;
  /** The shared state can be reached again, or not: nothing is lost, what needs it waits. */
  reachable(reachable: boolean, detail: string): void;
  /** A setting of a service was written by another node; undefined: deleted. */
  setting(name: string, value: string | undefined): void;
  /** What another node's administrator asked of all nodes, or of this one; JSON, as it was sent. */
  instruction(text: string): void;
  /** The lease has ended and others have taken over: nothing of this node counts any more. */
  fenced(detail: string): void;
}

/** A node as others see it. */
export interface NodeStatus {
  readonly node: NodeId;
  /** What the configuration calls it. */
  readonly name: string;
  readonly version: string;
  readonly slot: number;
  /** Place in the log up to which it has taken everything in; compare them as strings is wrong: `{ms}-{n}`. */
  readonly applied: string;
  /** Milliseconds until its lease ends, unless it is renewed. */
  readonly lease: number;
  /** Of its tables, as of `applied`; empty where it did not tell yet. */
  readonly checksum: string;
}

export interface Cluster {
  readonly node: NodeId;
  /** This node's part of the numbers of messages, 0 to SLOTS - 1. */
  readonly slot: number;
  /** From now on the listener is told everything, in order; first what has gathered since `index` was read. */
  begin(listener: ClusterListener): Promise<void>;
  /**
   * Makes a session this node's and reads it; the answer is fed, as `claimed` or `notClaimed`.
   *
   * @param most messages of its queue that are given whole
   * @param ifFree not where another node has it, which is not asked for it then
   */
  claim(connection: ConnectionId, clientId: ClientId, most: number, ifFree: boolean): void;
  /**
   * Sends a message to nodes, together with others: it is not waited for, and lost where that fails. It is not told
   * by whoever has been told that this node is no more.
   *
   * @param group the shared subscription, one of whose members there gets it; undefined: all that subscribe
   */
  cast(nodes: readonly NodeId[], message: Message, group: TopicFilter | undefined): void;
  /** Asks something of the services of other nodes: of one, or of all but this. */
  instruct(to: NodeId | "others", text: string): Promise<void>;
  /** All living nodes. */
  status(): Promise<readonly NodeStatus[]>;
  /** Says good-bye: whoever comes next need not wait for the lease to end. Sessions are let go of before. */
  leave(): Promise<void>;
}
