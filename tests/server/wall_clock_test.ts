/** The clock: never falls, wakes at the last wish only, and for waits longer than a timer takes. */

import assert from "node:assert/strict";
import { wallClock } from "../../src/server/wall_clock.ts";

/** A clock and a promise of its next call. */
function setUp() {
  let calls = 0;
  let called = () => {};
  const clock = wallClock(() => {
    calls++;
    called();
  });
  return {
    clock,
    calls: () => calls,
    next: () => new Promise<void>((resolve) => called = resolve),
  };
}

Deno.test("wallClock().now() is ahead of the time of day by the offset when there is one", () => {
  const clock = wallClock(() => {}, 3_600_000);
  assert.ok(Math.abs(clock.now() - Date.now() - 3_600_000) < 1_000);
});

Deno.test("wallClock().now() is the time of day in milliseconds, and never falls", () => {
  const { clock } = setUp();
  assert.ok(Math.abs(clock.now() - Date.now()) < 1_000);
  let before = clock.now();
  for (let count = 0; count < 10_000; count++) {
    const now = clock.now();
    assert.ok(now >= before);
    before = now;
  }
});

Deno.test("wallClock() wakes once, not before the instant, when it is asked to", async () => {
  const { clock, calls, next } = setUp();
  const when = clock.now() + 30;
  const woken = next();
  clock.wakeAt(when);
  clock.wakeAt(when);
  await woken;
  assert.ok(clock.now() >= when - 1, `${when - clock.now()} ms early`);
  await new Promise((resolve) => setTimeout(resolve, 40)); // that there is no second call
  assert.equal(calls(), 1);
});

Deno.test("wallClock() wakes at once when the instant has passed", async () => {
  const { clock, next } = setUp();
  const woken = next();
  clock.wakeAt(clock.now() - 5_000);
  await woken;
});

Deno.test("wallClock() forgets an earlier wish when there is another, or none", async () => {
  const { clock, calls, next } = setUp();
  clock.wakeAt(clock.now() + 20);
  clock.wakeAt(undefined);
  const other = setUp();
  other.clock.wakeAt(other.clock.now() + 60_000);
  const soon = other.next();
  other.clock.wakeAt(other.clock.now() + 50);
  await soon;
  assert.equal(calls(), 0);
  assert.equal(other.calls(), 1);
  clock.wakeAt(clock.now() + 1);
  await next();
});

Deno.test("wallClock() can be asked for the same instant again when it has woken", async () => {
  const { clock, next } = setUp();
  const when = clock.now();
  for (let count = 0; count < 2; count++) {
    const woken = next();
    clock.wakeAt(when);
    await woken;
  }
});

Deno.test("wallClock() does not wake now when the instant is further off than a timer takes", async () => {
  const { clock, calls } = setUp();
  clock.wakeAt(clock.now() + 2 ** 33);
  await new Promise((resolve) => setTimeout(resolve, 20)); // a timer that overflows fires at once
  assert.equal(calls(), 0);
  clock.stop();
});

Deno.test("wallClock().stop() wakes nobody any more", async () => {
  const { clock, calls } = setUp();
  clock.wakeAt(clock.now() + 5);
  clock.stop();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(calls(), 0);
});
