/** Large packets on their way through the broker: their memory is neither copied nor written over too early. */

import { deepEqual } from "node:assert/strict";
import fc from "fast-check";
import { encode } from "../../src/packet/encode.ts";
import type { Publish } from "../../src/packet/packet.ts";
import { Desk } from "../broker/desk.ts";
import { publishPacket, subscribePacket } from "../broker/packets.ts";

const PANELS = 3;
const SIZES = [10, 3_000, 20_000, 33_000, 65_536, 65_536, 65_536, 140_000, 300_000, 1_100_000];

/** Packets of a pump, in chunks as they come in; and who takes nothing for a while, or for good. */
const move = fc.oneof(
  { weight: 5, arbitrary: fc.record({ pump: fc.nat(1), size: fc.constantFrom(...SIZES) }) },
  { weight: 2, arbitrary: fc.record({ panel: fc.nat(PANELS - 1), stalled: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ gone: fc.nat(PANELS - 1) }) },
);

/** Every byte of a payload says which one it is of, and where it stands. */
function payloadOf(number: number, size: number): Uint8Array {
  const payload = new Uint8Array(size);
  for (let at = 0; at < size; at++) payload[at] = number * 31 + at * 7 + (at >> 8);
  return payload;
}

Deno.test("serveLink() and Outbox leave large packets as they are until every subscriber has them", async () => {
  const limits = { outboxMaximum: 1 << 26, outboxCongested: 1 << 26, outboxDrained: 1 << 20 };
  await fc.assert(
    fc.asyncProperty(
      fc.array(move, { minLength: 5, maxLength: 25 }),
      fc.array(fc.constantFrom(7, 1_000, 30_000, 65_536, 200_000), { minLength: 1, maxLength: 5 }),
      async (moves, chunks) => {
        await Desk.with({ limits: { ...limits, maximumPacketSize: 1 << 21 } }, async (desk) => {
          const panels = [];
          for (let at = 0; at < PANELS; at++) {
            const panel = await desk.connect(`panel${at}`, { protocolVersion: 4 });
            await panel.send(subscribePacket(1, ["t/#", 0]));
            panel.take();
            panels.push(panel);
          }
          // One of them speaks another version, and is taken packet by packet.
          const pumps = [
            await desk.connect("pump0", { protocolVersion: 4 }),
            await desk.connect("pump1", { protocolVersion: 5 }),
          ];
          const expected: [string, number][][] = [[], []];
          const gone = new Set<number>();
          let number = 0;
          for (const move of moves) {
            if ("gone" in move) {
              gone.add(move.gone);
              await panels[move.gone]!.hangUp();
            } else if ("panel" in move) await panels[move.panel]!.stall(move.stalled);
            else {
              const pump = pumps[move.pump]!;
              const topic = `t/${move.pump}`;
              const bytes = encode(
                publishPacket(topic, payloadOf(++number, move.size)),
                pump.version,
              ).slice();
              for (let at = 0, i = 0; at < bytes.length; i++) {
                const chunk = chunks[i % chunks.length]!;
                pump.link.push(bytes.subarray(at, at += Math.max(chunk, bytes.length >> 6)));
              }
              expected[move.pump]!.push([topic, number]);
              await desk.turn();
            }
          }
          for (const [at, panel] of panels.entries()) {
            if (gone.has(at)) continue;
            await panel.stall(false);
            await desk.turn();
            const got = panel.take() as Publish[];
            for (const pump of [0, 1]) {
              const of = got.filter(({ topic }) => topic === `t/${pump}`);
              const numbers = of.map(({ topic, payload }) => [topic, numberOf(payload, number)]);
              deepEqual(numbers, expected[pump]);
            }
          }
        });
      },
    ),
    { numRuns: 30 },
  );
});

/** Which payload it is; -1 where it is none, or not whole. */
function numberOf(payload: Uint8Array, last: number): number {
  for (let number = 1; number <= last; number++) {
    if ((number * 31 & 0xff) !== payload[0]) continue;
    const whole = payloadOf(number, payload.length);
    if (payload.every((byte, at) => byte === whole[at])) return number;
  }
  return -1;
}
