/** How a clock is brought to another: neither falls nor jumps, and comes to what it was told. */

import assert from "node:assert/strict";
import { Steering } from "../../src/server/steering.ts";

Deno.test("Steering adds nothing when it was told nothing", () => {
  assert.equal(new Steering().at(12_345), 0);
});

for (const behind of [1_000, -1_000, 3, -3]) {
  Deno.test(`Steering makes good ${behind} ms in twenty times as long, and then holds`, () => {
    const steering = new Steering();
    steering.steer(500, behind);
    assert.equal(steering.at(500), 0);
    assert.ok(Math.abs(steering.at(500 + Math.abs(behind) * 10) - behind / 2) < 1e-6);
    for (const later of [500 + Math.abs(behind) * 20, 1e6, 1e9]) {
      assert.ok(Math.abs(steering.at(later) - behind) < 1e-6, `${steering.at(later)} at ${later}`);
    }
  });
}

Deno.test("Steering never lets the clock fall or jump, whatever it is told meanwhile", () => {
  const steering = new Steering();
  let before = 0;
  for (let elapsed = 1; elapsed < 10_000; elapsed++) {
    if (elapsed % 37 === 0) steering.steer(elapsed, (elapsed % 5 - 2) * 400);
    const now = elapsed + steering.at(elapsed);
    assert.ok(now > before && now - before < 1.1, `${before} to ${now} at ${elapsed}`);
    before = now;
  }
});

Deno.test("Steering counts what it has made good when it is told anew", () => {
  const steering = new Steering();
  steering.steer(0, 100);
  steering.steer(1_000, -20); // 50 have been made good
  assert.ok(Math.abs(steering.at(10_000) - 30) < 1e-6, `${steering.at(10_000)}`);
});
