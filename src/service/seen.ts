/**
 * All that there is to be seen of a broker at one moment: what `$SYS`, the metrics and the alarms are made of.
 */

import type { Tables } from "../broker/tables.ts";
import type { Instant } from "../policy/identity.ts";
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

export interface Seen {
  readonly now: Instant;
  readonly about: About;
  readonly statistics: Readonly<Statistics>;
  readonly measures: Readonly<Measures>;
  readonly tables: Readonly<Tables>;
  readonly memory: Memory;
  /** What waits to be written to links: asks all of them. */
  readonly unwritten: () => { readonly packets: number; readonly bytes: number };
  /** Connections that there is room for, file descriptors considered. */
  readonly mostConnections: number;
  /** The longest delay of the event loop since the last look, in milliseconds. */
  readonly eventLoopDelay: number;
}
