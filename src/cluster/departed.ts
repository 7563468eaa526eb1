/**
 * Nodes that have gone. One that was paused for longer than its lease does not know yet that it is dead, and goes
 * on casting: unlike its writes, that passes by the shared state, which would refuse it. Whoever hears it drops it.
 */

import type { NodeId } from "../policy/identity.ts";

/** Remembered at most; who has gone finds out within a beat of its own, long before so many others have. */
const MOST = 64;

export class Departed {
  #living: readonly NodeId[] = [];
  #gone: NodeId[] = [];

  /** Who is there now. */
  replace(living: readonly NodeId[]): void {
    for (const node of this.#living) if (!living.includes(node)) this.#gone.push(node);
    this.#gone = this.#gone.slice(-MOST);
    this.#living = living;
  }

  /** Whether the node was there once and is no more; of one that has not been named yet, false. */
  has(node: NodeId): boolean {
    return this.#gone.includes(node);
  }
}
