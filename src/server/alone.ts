/**
 * That no node of a cluster joins a broker which does not know of any: it would take the other's sessions. The
 * other way round the store sees to it, which lets nobody in who is to be alone and is not.
 */

import type { NodeStatus } from "../cluster/cluster.ts";
import type { NodeStore } from "./node_store.ts";

/** What the name begins with of who is alone: no name in a configuration does. */
const ALONE = "_";

/** Milliseconds between two looks at the leases of others. */
const LOOK = 250;

/** What a broker that is alone calls itself on a host: no two are called the same. */
export function nameAlone(host: string): string {
  return `${ALONE}${host.slice(0, 40)}-${crypto.randomUUID().slice(0, 8)}`;
}

/**
 * Makes sure of it, once a node has joined. Of a broker that is no more the end of its lease is waited for.
 *
 * @param prefix of the keys, for the words
 * @param lease milliseconds of one lease
 * @throws with words where a broker that is alone lives
 */
export async function refuseAlone(
  store: Pick<NodeStore, "status">,
  prefix: string,
  lease: number,
): Promise<void> {
  const leases = new Map<string, number>();
  const until = performance.now() + 2 * lease;
  for (;;) {
    const alone = (await store.status()).filter(({ name }) => name.startsWith(ALONE));
    if (alone.length === 0) return;
    const living = alone.find((one) => isRenewed(one, leases)) ??
      (performance.now() < until ? undefined : alone[0]);
    if (living !== undefined) {
      throw new Error(
        `another broker, ${living.node}, uses the keyPrefix ${prefix} of this Redis: give this one a ` +
          "keyPrefix of its own, or both the section cluster",
      );
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK));
  }
}

/** Whether it has renewed its lease since the last look: only who lives does. */
function isRenewed({ node, lease }: NodeStatus, leases: Map<string, number>): boolean {
  const before = leases.get(node) ?? Infinity;
  leases.set(node, lease);
  return lease > before;
}
