/**
 * A short share of the fuzzing on every run, and all that it ever found; `deno task fuzz` runs longer.
 */

import assert from "node:assert/strict";
import { fuzz } from "./fuzz.ts";
import { expanded, regressions, replay } from "./regressions.ts";
import { World } from "./world.ts";

Deno.test("broker throws nothing and hangs nowhere when 10,000 mutated connections come", async () => {
  const report = await fuzz({ inputs: 10_000, milliseconds: 60_000, seed: 7 });
  assert.deepEqual(report.found, []);
  assert.ok(report.connected > 3_000, "the mutations left too little of MQTT");
  assert.ok(report.malformed > 1_000, "the mutations broke too little");
  assert.ok(report.sent > 10_000, "the broker answered too little");
});

for (const regression of regressions) {
  Deno.test(`broker takes the input that once showed: ${regression.found}`, () =>
    replay(regression));
}

Deno.test("World.takes() counts who is let in, what is no packet and what comes back", async () => {
  const world = new World("plain");
  const connect = "10 0d 0004 4d515454 05 02 0000 00 0000";
  await world.takes(expanded(`${connect} c000`), 3);
  await world.takes(expanded(`${connect} 0000`), 3);
  await world.ends();
  assert.equal(world.connected, 2);
  assert.equal(world.malformed, 1);
  assert.equal(world.sent, 4); // CONNACK, PINGRESP, CONNACK, DISCONNECT
});

Deno.test("expanded() repeats what is followed by a star", () => {
  assert.deepEqual(expanded("01 ab*3 0203*2"), Uint8Array.from([1, 171, 171, 171, 2, 3, 2, 3]));
});
