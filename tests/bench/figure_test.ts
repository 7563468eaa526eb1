import assert from "node:assert/strict";
import type { Figure, Mark } from "./figure.ts";
import { field, mark, median } from "./figure.ts";
import { Received, Template, verdictOf } from "./own_stream.ts";

const figure: Figure = {
  name: "",
  unit: "messages/s",
  of: () => 0,
  held: "ratio",
  better: "more",
  floor: 3,
  aim: 10,
};
const MARKS: readonly (readonly [Figure["better"], number, number, number, Mark])[] = [
  ["more", 3, 10, 2.99, "below floor"],
  ["more", 3, 10, 3, "floor"],
  ["more", 3, 10, 10, "aim"],
  ["more", 3, 10, NaN, "below floor"],
  ["less", 1.5, 1, 1.51, "below floor"],
  ["less", 1.5, 1, 1.5, "floor"],
  ["less", 1.5, 1, 1, "aim"],
  ["less", 1.5, 1, NaN, "below floor"],
];
for (const [better, floor, aim, value, expected] of MARKS) {
  Deno.test(`mark() says ${expected} when ${value} is measured and ${better} than ${floor} held`, () => {
    assert.equal(mark({ ...figure, better, floor, aim }, value), expected);
  });
}

Deno.test("median() takes the middle one, of two the larger, when numbers are in no order", () => {
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([7, 3]), 7);
  assert.ok(Number.isNaN(median([])));
});

Deno.test("field() names what is missing when the load generator did not say it", () => {
  assert.equal(field({ msgs_s: 7 }, "msgs_s"), 7);
  assert.throws(() => field({ msgs_s: 7 }, "p50_us"), /no p50_us in {"msgs_s":7}/);
});

/** Numbers as they arrive, of stream 1, where the verdict is over five that were sent. */
const ARRIVALS: readonly (readonly [string, readonly number[], string])[] = [
  ["all come in order", [0, 1, 2, 3, 4], "exact"],
  ["one is missing", [0, 1, 3, 4], "LOST"],
  ["the last is missing", [0, 1, 2, 3], "LOST"],
  ["one comes twice", [0, 1, 1, 2, 3, 4], "DUP"],
  ["one comes twice and one is missing", [0, 1, 1, 2, 3], "LOST"],
  ["two come in the other order", [0, 2, 1, 3, 4], "REORDERED"],
];
for (const version of [4, 5] as const) {
  for (const [when, numbers, expected] of ARRIVALS) {
    Deno.test(`verdictOf() says ${expected} when ${when}, version ${version}`, () => {
      const received = new Received();
      for (const number of numbers) take(received, number, version);
      assert.equal(verdictOf([received], 5), expected);
    });
  }
}

Deno.test("verdictOf() says FOREIGN when a message of another stream came", () => {
  const received = new Received();
  assert.equal(take(received, 0, 4), 4.5);
  assert.equal(take(received, 0, 4, 2), undefined);
  assert.equal(verdictOf([received], 1), "FOREIGN");
});

/** A message as a publisher writes it, as a subscriber of stream 1 takes it; its time, or undefined. */
function take(received: Received, number: number, version: 4 | 5, stream = 1): number | undefined {
  const template = new Template("t", stream, 0, 64, version);
  const view = new DataView(new ArrayBuffer(template.size));
  template.write(view, 0, 4.5, number, 0);
  return received.take(new Uint8Array(view.buffer), template.size - 64, 1);
}
