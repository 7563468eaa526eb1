/** What the rows about Wills share: one Will, who gets it, and how it may be delayed. MQTT 5.0 section 3.1.2.5. */

import { willOf } from "../../broker/packets.ts";
import type { Bench } from "../bench.ts";
import type { Peer } from "../peer.ts";
import { KEPT } from "../raw5.ts";

/** A client that gets every Will of a row, and keeps its session. */
export async function heir(at: Bench): Promise<Peer> {
  const panel = await at.client("panel", KEPT);
  await panel.subscribes(["#", { qos: 2, retainAsPublished: true }]);
  return panel;
}

export const WILL = willOf("gone", "bye");
export const BYE = { type: "publish", topic: "gone", payload: "bye" } as const;

/** A Will that waits so many seconds, of a client whose session is kept so many. */
export function delayed(willDelayInterval: number, sessionExpiryInterval: number) {
  return {
    cleanStart: false,
    properties: { sessionExpiryInterval },
    will: willOf("gone", "bye", { willDelayInterval }),
  };
}
