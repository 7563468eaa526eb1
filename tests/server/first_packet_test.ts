/** What comes on a link that is no CONNECT, and what comes in one piece while reading is paused. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { encode } from "../../src/packet/encode.ts";
import { Desk } from "../broker/desk.ts";
import { connectPacket, publishPacket, subscribePacket } from "../broker/packets.ts";

const NO_CONNECTS: readonly (readonly [what: string, bytes: readonly number[]])[] = [
  ["a PUBLISH of 1 MB of which nothing more comes", [0x30, 0xf0, 0xff, 0x3f]],
  ["the first byte of a PUBLISH", [0x30]],
  ["a SUBSCRIBE that is cut off", [0x82, 0x7f, 0x00]],
  ["HTTP", [...new TextEncoder().encode("GET / HTTP/1.1\r\nHost: x\r\n\r\n")]],
  ["a CONNECT with flags that are not 0", [0x11, 0x7f]],
  ["zeros", [0x00]],
];

for (const [what, bytes] of NO_CONNECTS) {
  Deno.test(`serveLink() closes the link at once when the first that comes is ${what} [MQTT-3.1.0-1]`, async () => {
    await Desk.with({}, async (desk) => {
      const stranger = await desk.dial();
      await stranger.sendBytes(...bytes);
      assert.equal(stranger.closed, true);
      assert.equal(desk.tables.connections.size, 0);
      const fact = desk.facts.at(-1)!;
      assert.ok(fact.type === "disconnected", fact.type);
      assert.ok(["malformedPacket", "protocolError"].includes(fact.reason), fact.reason);
    });
  });
}

Deno.test("serveLink() waits for the rest of a CONNECT when it comes byte by byte", async () => {
  await Desk.with({}, async (desk) => {
    const slow = await desk.dial();
    const bytes = encode(connectPacket("slow"), 5);
    for (const byte of bytes) {
      assert.equal(slow.closed, false);
      await slow.sendBytes(byte);
    }
    assert.equal(slow.connack.reasonCode, 0);
    await slow.sendBytes(0x30); // from here on anything may come in parts
    assert.equal(slow.closed, false);
  });
});

Deno.test("serveLink() feeds all that has been read when reading is paused and resumed within one turn", async () => {
  const size = fc.integer({ min: 20, max: 400 });
  await fc.assert(
    fc.asyncProperty(size, fc.integer({ min: 1, max: 50 }), async (size, pendingWrites) => {
      await Desk.with({ limits: { pendingWrites } }, async (desk) => {
        const keeper = await desk.keep("keeper");
        await keeper.send(subscribePacket(1, ["t", 1]));
        await keeper.hangUp();
        const pump = await desk.connect("pump", { protocolVersion: 4 });
        pump.take();
        const count = Math.floor(300_000 / size);
        const pieces: number[] = [];
        for (let n = 1; n <= count; n++) {
          pieces.push(...encode(publishPacket("t", "x".repeat(size), { packetId: n }), 4));
        }
        pump.link.push(Uint8Array.from(pieces)); // more than a turn, and then no more comes
        await pump.send();
        assert.equal(pump.take().length, count);
      });
    }),
    { numRuns: 15 },
  );
});
