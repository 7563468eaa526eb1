import assert from "node:assert/strict";
import fc from "fast-check";
import type { Delivery } from "../../src/session/message.ts";
import { packed, unpacked } from "../../src/store/packed_deliveries.ts";
import { delivery, message } from "../contract/store_values.ts";

const PROPERTIES = { contentType: "text/plain" };
const IDENTIFIERS = [7, 9];

/** Deliveries in order, of which nearly all are alike. */
const waiting: fc.Arbitrary<Delivery[]> = fc.array(
  fc.record({
    payload: fc.oneof(fc.uint8Array({ maxLength: 4 }), fc.constant(new Uint8Array(256).fill(3))),
    topic: fc.constantFrom("a", "a", "a", "b"),
    publisher: fc.constantFrom("p", "p", "p", ""),
    properties: fc.constantFrom(undefined, undefined, PROPERTIES),
    expiresAt: fc.constantFrom(Infinity, Infinity, 5),
    retain: fc.constantFrom(false, false, true),
    qos: fc.constantFrom<1 | 2>(1, 1, 2),
    granted: fc.constantFrom<1 | 2>(1, 1, 2),
    retained: fc.constantFrom(false, false, true),
    subscriptionIdentifiers: fc.constantFrom(undefined, undefined, IDENTIFIERS),
    group: fc.constantFrom(undefined, undefined, "g"),
  }),
  { minLength: 1, maxLength: 12 },
).map((list) =>
  list.map(({ granted, retained, subscriptionIdentifiers, group, ...rest }, at): Delivery => ({
    message: { ...message(2 ** 40 + at * 3), ...rest },
    qos: granted,
    retain: retained,
    subscriptionIdentifiers,
    group,
  }))
);

Deno.test("unpacked() gives what packed() was given, whatever tells them apart", () => {
  fc.assert(
    fc.property(waiting, (deliveries) => {
      const pack = packed(deliveries);
      assert.ok(pack !== undefined);
      assert.equal(pack.size, deliveries.length);
      assert.equal(pack.lastOrder, deliveries.at(-1)!.message.order);
      assert.deepEqual(unpacked(pack), deliveries);
    }),
    { numRuns: 500 },
  );
});

Deno.test("packed() takes nothing above its limits", () => {
  const sized = (size: number) => delivery({ ...message(1), payload: new Uint8Array(size) });
  assert.ok(packed([sized(256)]) !== undefined);
  assert.equal(packed([sized(1), sized(257)]), undefined);
  const topics = (count: number) =>
    Array.from({ length: count }, (_, at) => delivery({ ...message(at + 1), topic: `a/${at}` }));
  assert.ok(packed(topics(16)) !== undefined);
  assert.equal(packed(topics(17)), undefined);
});
