import assert from "node:assert/strict";
import { levelOf } from "../../src/service/journal.ts";
import type { CloseReason, Fact } from "../../src/session/fact.ts";

const disconnected = (clientId: string, reason: CloseReason): Fact => ({
  type: "disconnected",
  connection: 1,
  clientId,
  user: undefined,
  peer: { address: "192.0.2.1:1", listener: "tcp", anonymousAllowed: true },
  letIn: clientId !== "",
  reason,
  reasonCode: 0x80,
  detail: reason,
});

for (
  const [clientId, reason, level] of [
    ["a", "linkLost", "warn"],
    ["", "linkLost", "debug"],
    ["", "malformedPacket", "warn"],
    ["a", "clientDisconnected", "info"],
  ] as const
) {
  Deno.test(`levelOf() is ${level} when ${clientId || "nobody yet"} ends by ${reason}`, () => {
    assert.equal(levelOf(disconnected(clientId, reason)), level);
  });
}
