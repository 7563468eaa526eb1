import assert from "node:assert/strict";
import fc from "fast-check";
import { RequestRate } from "../../../src/service/request_rate.ts";

Deno.test("admit() lets ten seconds' worth come at once and the rate after that", () => {
  const rate = new RequestRate();
  const count = (now: number, tries: number) =>
    Array.from({ length: tries }, () => rate.admit("a", 3, now)).filter(Boolean).length;
  assert.equal(count(0, 100), 30);
  assert.equal(count(1_000, 100), 3);
  assert.equal(count(1_000, 100), 0);
  assert.equal(count(100_000, 100), 30);
  assert.ok(rate.admit("b", 3, 1_000), "another is not meant");
});

Deno.test("admit() never lets more through than the burst and the rate together", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(5_000), { maxLength: 300 }), (gaps) => {
      const rate = new RequestRate();
      let now = 0;
      let admitted = 0;
      for (const gap of gaps) {
        now += gap;
        if (rate.admit("a", 2, now)) admitted += 1;
      }
      assert.ok(admitted <= 20 + now / 1000 * 2 + 1e-6);
    }),
    { numRuns: 200 },
  );
});

Deno.test("admit() forgets who asked longest ago when there are too many names", () => {
  const rate = new RequestRate();
  for (let i = 0; i < 10; i++) assert.ok(rate.admit("first", 1, 0));
  assert.ok(!rate.admit("first", 1, 0));
  for (let i = 0; i < 10_001; i++) rate.admit(`n${i}`, 1, 0);
  assert.ok(rate.admit("first", 1, 0));
});
