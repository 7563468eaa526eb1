/**
 * Sends all clients off, some at a time, so that not all of them come to another server at once. Nobody new
 * may come by then. MQTT 5.0 section 4.11.
 */

import type { Broker } from "../broker/broker.ts";
import { Reason } from "../packet/reason_code.ts";
import type { Instruction } from "../service/service.ts";
import type { Runtime } from "./runtime.ts";

/** Milliseconds between two parts. */
const STEP = 100;

/** Begins; resolves when nobody is left. What comes in between, from a handshake, is sent off last. */
export async function sendOffAll(
  { broker, runtime }: { readonly broker: Broker; readonly runtime: Runtime },
  { serverReference, moved, seconds }: Instruction & { readonly type: "drain" },
): Promise<void> {
  const reason = serverReference === undefined
    ? Reason.serverShuttingDown
    : moved
    ? Reason.serverMoved
    : Reason.useAnotherServer;
  const { connections } = broker.snapshot();
  const steps = Math.max(1, Math.ceil(seconds * 1000 / STEP));
  const part = Math.max(1, Math.ceil(connections.size / steps));
  for (;;) {
    const some = connections.keys().take(part).toArray();
    if (some.length === 0) return;
    runtime.feed({ type: "sendOff", connections: some, reason, serverReference });
    runtime.endTurn();
    if (connections.size > 0) await new Promise((resolve) => setTimeout(resolve, STEP));
  }
}
