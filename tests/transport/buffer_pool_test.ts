/** The pool of buffers: sizes, reuse, and that it keeps no more than it says. */

import assert from "node:assert/strict";
import {
  giveBuffer,
  holdBuffer,
  isHeld,
  letGoUnused,
  releaseBuffer,
  takeBuffer,
} from "../../src/transport/buffer_pool.ts";

const sizes: readonly [asked: number, got: number][] = [
  [1, 256],
  [256, 256],
  [257, 512],
  [1023, 1024],
  [1024, 1024],
  [1025, 2048],
  [65_536, 65_536],
  [65_537, 131_072],
  [1 << 20, 1 << 20],
  [(1 << 20) + 1, (1 << 20) + 1], // larger than what is kept: exact
];

for (const [asked, got] of sizes) {
  Deno.test(`takeBuffer() returns ${got} bytes when ${asked} are asked for`, () => {
    assert.equal(takeBuffer(asked).length, got);
  });
}

Deno.test("takeBuffer() returns a buffer that was given back, and no buffer twice", () => {
  const first = takeBuffer(3000);
  giveBuffer(first);
  assert.equal(takeBuffer(4096), first);
  assert.notEqual(takeBuffer(4096), first);
});

Deno.test("takeBuffer() cuts small buffers so that none reaches into another", () => {
  const buffers = Array.from({ length: 200 }, () => takeBuffer(256));
  for (const [at, buffer] of buffers.entries()) buffer.fill(at);
  for (const [at, buffer] of buffers.entries()) assert.ok(buffer.every((byte) => byte === at));
});

Deno.test("takeBuffer() never returns a buffer that is too small when odd ones were given back", () => {
  for (const odd of [0, 1, 3, 1000, 1025, 3000]) giveBuffer(new Uint8Array(odd));
  for (let count = 0; count < 20; count++) assert.ok(takeBuffer(1024).length >= 1024);
  for (let count = 0; count < 20; count++) assert.ok(takeBuffer(2048).length >= 2048);
});

Deno.test("giveBuffer() keeps 8 MiB of a size at most", () => {
  const size = 1 << 20;
  const given = new Set<Uint8Array>();
  for (let count = 0; count < 10; count++) {
    const buffer = new Uint8Array(size);
    given.add(buffer);
    giveBuffer(buffer);
  }
  let kept = 0;
  for (let count = 0; count < 10; count++) if (given.has(takeBuffer(size))) kept++;
  assert.equal(kept, 8);
});

Deno.test("giveBuffer() hands a buffer on only when the last who holds a part of it has released it", () => {
  const size = 1 << 18;
  const buffer = takeBuffer(size);
  const part = buffer.subarray(10, 20);
  holdBuffer(part);
  holdBuffer(buffer);
  assert.ok(isHeld(buffer));
  giveBuffer(buffer);
  assert.notEqual(takeBuffer(size), buffer);
  releaseBuffer(buffer);
  assert.notEqual(takeBuffer(size), buffer);
  assert.ok(isHeld(buffer));
  releaseBuffer(part);
  assert.ok(!isHeld(buffer));
  assert.equal(takeBuffer(size), buffer);
});

Deno.test("releaseBuffer() leaves a buffer to whoever took it when it has not been given back", () => {
  const size = 1 << 19;
  const buffer = takeBuffer(size);
  holdBuffer(buffer);
  releaseBuffer(buffer);
  assert.ok(!isHeld(buffer));
  assert.notEqual(takeBuffer(size), buffer);
  giveBuffer(buffer);
  assert.equal(takeBuffer(size), buffer);
});

Deno.test("letGoUnused() keeps as many buffers as were in use at once since the call before", () => {
  letGoUnused();
  letGoUnused(); // what other tests have left behind
  const storm = Array.from({ length: 20 }, () => takeBuffer(1 << 14));
  for (const buffer of storm) giveBuffer(buffer);
  letGoUnused(); // all of them were needed
  const calm = Array.from({ length: 3 }, () => takeBuffer(1 << 14));
  assert.ok(calm.every((buffer) => storm.includes(buffer)));
  for (const buffer of calm) giveBuffer(buffer);
  letGoUnused();
  const after = Array.from({ length: 5 }, () => takeBuffer(1 << 14));
  assert.equal(after.filter((buffer) => storm.includes(buffer)).length, 3);
  assert.ok(calm.every((buffer) => after.includes(buffer)));
});
