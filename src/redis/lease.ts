/**
 * The lease: a beat three times in its length tells Redis that this node is there, and tells this node whom it
 * has to bury. While Redis is away it is beaten as soon as it is back.
 */

import type { NodeId } from "../policy/identity.ts";
import { answered, callOnce } from "./calls.ts";
import { listOf, textOf } from "./client.ts";
import type { Ground } from "./ground.ts";
import type { Link } from "./link.ts";
import { meaningOf, wordsOf } from "./trouble.ts";

/** Entries of the log above which the node that is furthest behind is declared dead. */
const LOG = 1_000_000;
/** Milliseconds until a beat that failed is tried again. */
const AGAIN = 200;

export interface LeaseOptions {
  readonly ground: Ground;
  readonly link: Link;
  /** Of log and inbox: up to where this node has read. */
  readonly positions: () => readonly [log: string, inbox: string];
  readonly bury: (dead: readonly NodeId[]) => void;
  /** Told after each beat. */
  readonly beaten: () => void;
}

export class Lease {
  readonly #options: LeaseOptions;
  #wake: (() => void) | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #soon = false;
  /** Of this node's tables, for `status`. */
  checksum = "";

  constructor(options: LeaseOptions) {
    this.#options = options;
    options.ground.onEnd(() => this.now());
    void this.#run();
  }

  /** Beats at once: who is there may have changed. */
  now(): void {
    this.#soon = true;
    clearTimeout(this.#timer);
    this.#wake?.();
  }

  async #run(): Promise<void> {
    const { ground, link } = this.#options;
    while (!ground.ended) {
      let pause = ground.options.leaseMs / 3;
      try {
        await link.up();
        this.#soon = false;
        await this.#beat();
        ground.reached("lease", undefined);
      } catch (error) {
        if (ground.ended || meaningOf(error) === "closed") return;
        ground.reached("lease", wordsOf(error));
        pause = AGAIN;
      }
      if (this.#soon) continue;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        this.#timer = setTimeout(resolve, pause);
      });
    }
  }

  async #beat(): Promise<void> {
    const { ground, link, positions, bury, beaten } = this.#options;
    const { key, node, options } = ground;
    const args = [node, String(options.leaseMs), ...positions(), this.checksum, String(LOG)];
    const from = performance.now(); // Redis counts the lease from when it gets this, which is later
    const [word, rest] = answered(await callOnce(link, "beat", key, args), "beat");
    switch (word) {
      case "fenced":
        return ground.fenceAsDead(rest);
      case "lost":
        return ground.fence(
          `Redis has lost what it had told: its log ends at ${textOf(rest[1])}, ` +
            `this node has read up to ${positions()[0]}`,
        );
      default:
        ground.alive(from + options.leaseMs);
        bury(listOf(rest[1]).map(textOf));
        return beaten();
    }
  }
}
