/** Packet Identifiers near their end, without a walk through all of them. MQTT 5.0 section 2.2.1. */

import type { Bench } from "../bench.ts";

/**
 * Puts the last message that is in flight to an absent client into its stored session once more, under this
 * identifier and as the newest: the broker then goes on behind it when the client is back, as it does when it
 * has started on such a store. The client gets both, sent again.
 */
export async function usedUpTo(at: Bench, clientId: string, packetId: number): Promise<void> {
  const { disk } = await at.desk();
  const { inflight } = disk.load(clientId, 0);
  const [, newest] = inflight.reduce((a, b) => a[1].sequence > b[1].sequence ? a : b);
  const again = { ...newest, sequence: newest.sequence + 1 };
  disk.commit([{ type: "putInflight", clientId, packetId, inflight: again }]);
  at.transcript.note(`${clientId} has used the identifiers up to ${packetId}`);
}
