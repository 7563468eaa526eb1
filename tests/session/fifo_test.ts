import assert from "node:assert/strict";
import {
  emptyFifo,
  type Fifo,
  peek,
  push,
  pushFront,
  shift,
  size,
  toArray,
} from "../../src/session/fifo.ts";

function fifoOf(count: number): Fifo<number> {
  let fifo = emptyFifo<number>();
  for (let n = 0; n < count; n++) fifo = push(fifo, n);
  return fifo;
}

Deno.test("shift() gives items in the order of push() when there are more than fit a chunk", () => {
  for (const count of [1, 2, 15, 16, 17, 33, 272, 273, 5000]) {
    let fifo = fifoOf(count);
    assert.deepEqual(toArray(fifo), Array.from({ length: count }, (_, n) => n));
    for (let n = 0; n < count; n++) {
      assert.equal(size(fifo), count - n);
      assert.equal(peek(fifo), n);
      fifo = shift(fifo);
    }
    assert.equal(fifo, emptyFifo());
  }
});

Deno.test("shift() gives the queue back when it is empty", () => {
  assert.equal(shift(emptyFifo()), emptyFifo());
  assert.equal(peek(emptyFifo()), undefined);
  assert.equal(size(emptyFifo()), 0);
  assert.deepEqual(toArray(emptyFifo()), []);
});

Deno.test("pushFront() puts items before all others when a chunk or more are there", () => {
  for (const count of [0, 1, 16, 17, 300]) {
    let fifo = fifoOf(count);
    for (let n = 1; n <= 300; n++) fifo = pushFront(fifo, -n);
    assert.equal(size(fifo), count + 300);
    assert.deepEqual(toArray(fifo), Array.from({ length: count + 300 }, (_, n) => n - 300));
  }
});

Deno.test("push() and shift() leave the given queue as it was when it is frozen throughout", () => {
  const fifo = deepFreeze(fifoOf(40));
  const longer = deepFreeze(push(fifo, 40));
  const other = deepFreeze(pushFront(push(fifo, -1), -2));
  const shorter = deepFreeze(shift(shift(fifo)));
  assert.deepEqual(toArray(fifo), toArray(fifoOf(40)));
  assert.deepEqual(toArray(longer), toArray(fifoOf(41)));
  assert.deepEqual(toArray(other), [-2, ...toArray(fifoOf(40)), -1]);
  assert.deepEqual(toArray(shorter), toArray(fifoOf(40)).slice(2));
});

Deno.test("shift() lets go of an item when it is taken off", () => {
  let fifo = emptyFifo<object>();
  const items = Array.from({ length: 600 }, (_, n) => ({ n }));
  for (const item of items) fifo = push(fifo, item);
  for (const item of items) {
    assert.ok(holds(fifo, item));
    fifo = shift(fifo);
    assert.ok(!holds(fifo, item));
  }
});

function holds(value: unknown, item: object): boolean {
  if (value === item) return true;
  if (typeof value !== "object" || value === null) return false;
  return Object.values(value).some((part) => holds(part, item));
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) deepFreeze(part);
  }
  return value;
}
