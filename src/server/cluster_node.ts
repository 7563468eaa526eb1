/**
 * The shell of a broker whose store nodes share: hands on what the cluster tells to the broker, the services and
 * the log, and knows how it stands. It decides nothing of MQTT. Section 8 of the architecture.
 */

import type { ClusterEvent } from "../broker/cluster_event.ts";
import type { Tables } from "../broker/tables.ts";
import type { ClusterListener } from "../cluster/cluster.ts";
import { fencedError } from "../cluster/fenced.ts";
import type { NodeId } from "../policy/identity.ts";
import type { NodeStore } from "./node_store.ts";
import { PROMPT } from "./node_store.ts";
import type { ClusterSeen } from "../service/seen.ts";
import type { Control } from "./control.ts";
import type { Log } from "./log.ts";
import type { Runtime } from "./runtime.ts";
import type { WallClock } from "./wall_clock.ts";
import { watchChecksum } from "./watch_checksum.ts";

/** Milliseconds between two questions how far behind it is, and what time it is. */
const ASK = 5_000;
/** Milliseconds by which its clock may differ from that of the cluster before somebody is told. */
const APART = 1_000;

export interface ClusterNodeOptions {
  readonly cluster: NodeStore;
  /** What the configuration calls it. */
  readonly name: string;
  readonly tables: () => Readonly<Tables>;
  /** Asked only when the cluster has something to tell. */
  readonly runtime: () => Pick<Runtime, "feed" | "endTurn">;
  readonly control: () => Pick<Control, "noteSetting" | "settle">;
  /** What another node's administrator asks of this one, as JSON. */
  readonly instructed: (text: string) => void;
  /** The broker's: Wills and expiries of the cluster go by one clock, which is Redis's. */
  readonly clock: Pick<WallClock, "now" | "steer">;
  readonly log: Log;
  /** The broker cannot go on. */
  readonly fail: (error: Error) => void;
}

export class ClusterNode {
  readonly #options: ClusterNodeOptions;
  /** Why it cannot be reached; undefined where it can. */
  #unreachable: string | undefined;
  /** When that began, as `performance.now` has it. */
  #since = 0;
  #checksum = "";
  #stopChecksum: (() => void) | undefined;
  #asking: ReturnType<typeof setInterval> | undefined;
  #lag = 0;
  #inbox = 0;
  #apart = false;

  constructor(options: ClusterNodeOptions) {
    this.#options = options;
  }

  /** From now on everything is told; resolves when all has been taken in that others rely on. */
  async begin(): Promise<void> {
    const { cluster, tables } = this.#options;
    await cluster.begin(this.#listener());
    this.#stopChecksum = watchChecksum({
      tables,
      position: () => cluster.position,
      done: (checksum) => {
        this.#checksum = cluster.checksum = checksum;
      },
    });
    this.#ask();
    this.#asking = setInterval(() => this.#ask(), ASK);
  }

  /** Says good-bye; what it had was let go of before. */
  async leave(): Promise<void> {
    this.#stopChecksum?.();
    clearInterval(this.#asking);
    await this.#options.cluster.leave();
  }

  /** Why the shared state cannot be reached; undefined where it can. */
  get unreachable(): string | undefined {
    return this.#unreachable;
  }

  seen(): ClusterSeen {
    const { cluster, name, tables } = this.#options;
    const { postsDropped, castsLost, notesSkipped, timesAway } = cluster.counts;
    return {
      node: cluster.node,
      name,
      nodes: tables().cluster?.nodes ?? [cluster.node],
      unreachable: this.#unreachable,
      position: cluster.position,
      lag: this.#lag,
      inbox: this.#inbox,
      postsDropped,
      castsLost,
      notesSkipped,
      timesAway,
      checksum: this.#checksum,
    };
  }

  /** How far behind it is, and what time it is; the last answer holds while there is none. */
  #ask(): void {
    const from = performance.now();
    this.#options.cluster.standing().then(({ lag, inbox, time }) => {
      this.#lag = lag;
      this.#inbox = inbox;
      const took = performance.now() - from;
      if (took <= PROMPT) this.#keepTime(time + took / 2);
    }, () => {});
  }

  /** Clocks drift, and after a failover it is another machine's clock that says what time it is. */
  #keepTime(time: number): void {
    const { clock, log } = this.#options;
    const behind = time - clock.now();
    clock.steer(behind);
    const apart = Math.abs(behind) > APART;
    if (apart && !this.#apart) {
      log.warn("the clock of Redis differs from the cluster's so far: it is followed slowly", {
        milliseconds: Math.round(behind),
      });
    }
    this.#apart = apart;
  }

  #listener(): ClusterListener {
    const { cluster, runtime, control, instructed, log, fail } = this.#options;
    return {
      feed: (event) => {
        this.#tell(event);
        runtime().feed(event);
      },
      endTurn() {
        control().settle();
        runtime().endTurn();
      },
      reachable: (reachable, detail) => this.#reached(reachable, detail),
      setting: (name, value) => control().noteSetting(name, value),
      instruction: instructed,
      fenced(detail) {
        log.error("other nodes have declared this one dead and taken over what it had", {
          node: cluster.node,
          reason: detail,
        });
        fail(fencedError(detail));
      },
    };
  }

  #reached(reachable: boolean, detail: string): void {
    const { log } = this.#options;
    if (!reachable) {
      if (this.#unreachable === undefined) {
        this.#since = performance.now();
        log.error("the store cannot be reached: QoS 1 and 2 wait", { reason: detail });
      }
      this.#unreachable = detail === "" ? "it does not answer" : detail;
    } else if (this.#unreachable !== undefined) {
      this.#unreachable = undefined;
      const seconds = Math.round((performance.now() - this.#since) / 1000);
      log.info("the store can be reached again", { seconds });
    }
  }

  /** What an administrator wants to know of what happens in the cluster. */
  #tell(event: ClusterEvent): void {
    const { cluster, log, tables } = this.#options;
    switch (event.type) {
      case "nodes": {
        const before: readonly NodeId[] = tables().cluster?.nodes ?? [];
        const came = event.nodes.filter((node) => !before.includes(node));
        const gone = before.filter((node) => !event.nodes.includes(node));
        log.info("nodes of the cluster", {
          node: cluster.node,
          nodes: event.nodes.join(" "),
          ...(came.length === 0 ? {} : { came: came.join(" ") }),
          ...(gone.length === 0 ? {} : { gone: gone.join(" ") }),
        });
        return;
      }
      case "buried":
        log.warn("what a node had that is no more was taken over", { gone: event.node });
        return;
      case "notClaimed":
        log.warn("a session cannot be had", { clientId: event.clientId, reason: event.detail });
    }
  }
}
