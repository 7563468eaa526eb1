/**
 * A listener that writes down what it is told, and waits for it.
 */

import assert from "node:assert/strict";
import type { ClusterEvent } from "../../src/broker/cluster_event.ts";
import type { ClusterListener } from "../../src/cluster/cluster.ts";

/** Milliseconds after which what is waited for never comes. */
const PATIENCE = 60_000;

export class Listening implements ClusterListener {
  readonly events: ClusterEvent[] = [];
  readonly reached: boolean[] = [];
  fencedBy: string | undefined;

  feed(event: ClusterEvent): void {
    this.events.push(event);
  }

  endTurn(): void {}

  reachable(reachable: boolean): void {
    this.reached.push(reachable);
  }

  setting(): void {}

  instruction(): void {}

  fenced(detail: string): void {
    this.fencedBy = detail;
  }

  all<Type extends ClusterEvent["type"]>(type: Type) {
    return this.events.filter((event) => event.type === type) as (ClusterEvent & { type: Type })[];
  }
}

/** Waits for it; fails with these words where it does not come. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const from = performance.now();
  while (!await condition()) {
    if (performance.now() - from > PATIENCE) assert.fail(`it never came that ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
