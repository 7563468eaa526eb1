/**
 * All that there is to be seen of a broker at one moment: what `$SYS`, the metrics and the alarms are made of.
 */

import type { Tables } from "../broker/tables.ts";
import type { Instant, NodeId } from "../policy/identity.ts";
import type { Measures } from "./measures.ts";
import type { Statistics } from "./statistics.ts";

/** What no count tells. */
export interface About {
  readonly version: string;
  /** What an acknowledgement promises: `memory` survives nothing, `fsynced` a power cut. */
  readonly promise: string;
  /** Whole seconds since the start. */
  readonly uptime: number;
}

/** Of the process, in bytes. */
export interface Memory {
  readonly resident: number;
  readonly heapUsed: number;
  readonly heapTotal: number;
  /** Held by buffers outside of the heap. */
  readonly external: number;
}

/** Of a broker whose store nodes share. */
export interface ClusterSeen {
  readonly node: NodeId;
  /** What the configuration calls it. */
  readonly name: string;
  /** All that are there, this one included. */
  readonly nodes: readonly NodeId[];
  /** Why the store cannot be reached; undefined where it can. */
  readonly unreachable: string | undefined;
  /** Place in the log of the cluster up to which everything was taken in. */
  readonly position: string;
  /** Milliseconds between the last entry of the log and that place, of late. */
  readonly lag: number;
  /** Entries in the inbox, of late. */
  readonly inbox: number;
  /** Messages that had no room in queues of sessions that no node has. */
  readonly postsDropped: number;
  /** Messages with QoS 0 that did not get to another node. */
  readonly castsLost: number;
  /** Records of other nodes that this version does not understand. */
  readonly notesSkipped: number;
  /** How often the store could not be reached. */
  readonly timesAway: number;
  /** Of the tables that all nodes keep: see broker/checksum.ts. Empty until it is known. */
  readonly checksum: string;
}

export interface Seen {
  readonly now: Instant;
  readonly about: About;
  readonly statistics: Readonly<Statistics>;
  readonly measures: Readonly<Measures>;
  readonly tables: Readonly<Tables>;
  /** Undefined where the store is this broker's alone. */
  readonly cluster?: ClusterSeen | undefined;
  readonly memory: Memory;
  /** What waits to be written to links: asks all of them. */
  readonly unwritten: () => { readonly packets: number; readonly bytes: number };
  /** Connections that there is room for, file descriptors considered. */
  readonly mostConnections: number;
  /** The longest delay of the event loop since the last look, in milliseconds. */
  readonly eventLoopDelay: number;
}
