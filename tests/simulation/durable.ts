/**
 * Acknowledged means durable, looked at in the moment in which an acknowledgement comes: whatever it
 * says that is owed to others is on the disk by then, or has reached them, or was dropped with a reason.
 * What it says of the client's own session the client looks at by itself.
 */

import { certain, idIn, owed } from "./checkers.ts";
import type { Publication } from "./ledger.ts";
import type { World } from "./world.ts";

/** A success was received for the message: each stored session that subscribes to it has it. */
export function owedIsKept(
  world: Pick<World, "clients" | "disk" | "ledger" | "violation">,
  publication: Publication,
): void {
  const { ledger, disk } = world;
  const { id, clears, delay, expiry } = publication;
  if (clears || delay > 0 || expiry !== Infinity) return;
  for (const client of world.clients) {
    if (!client.resumable || ledger.ended.has(client.id) || ledger.dropped.has(client.id)) continue;
    if (!owed(certain(ledger, client, publication))) continue;
    const got = ledger.receiptsOf(client.id).some((receipt) =>
      receipt.publication === publication && receipt.session === client.session
    );
    if (got) continue;
    const { queued, inflight } = disk.load(client.id, Infinity);
    const isIt = (payload: Uint8Array | undefined) => payload !== undefined && idIn(payload) === id;
    const kept = queued.some(({ message }) => isIt(message.payload)) ||
      inflight.some(([, { delivery }]) => isIt(delivery?.message.payload));
    if (!kept) world.violation("durable", `#${id} is acknowledged, and not kept for ${client.id}`);
  }
}
