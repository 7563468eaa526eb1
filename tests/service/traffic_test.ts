import assert from "node:assert/strict";
import fc from "fast-check";
import { encodePublish } from "../../src/packet/publish_frame.ts";
import { payloadSize } from "../../src/packet/payload_size.ts";
import { newHistogram, observations, observe } from "../../src/service/histogram.ts";
import {
  allPackets,
  newTraffic,
  packetsOf,
  payloadBytes,
  publications,
} from "../../src/service/traffic.ts";

Deno.test("publications() and packetsOf() sum what has the same QoS or type when flags differ", () => {
  const { received } = newTraffic();
  for (const first of [0x30, 0x31, 0x32, 0x33, 0x3a, 0x3b, 0x34, 0x3d, 0x40, 0xc0, 0x62]) {
    received.packets[first]! += 1;
  }
  assert.deepEqual([0, 1, 2].map((qos) => publications(received, qos as 0 | 1 | 2)), [2, 4, 2]);
  assert.equal(packetsOf(received, "publish"), 8);
  assert.equal(packetsOf(received, "pingreq"), 1);
  assert.equal(packetsOf(received, "pubrel"), 1);
  assert.equal(allPackets(received), 11);
  received.payload[1]! += 5;
  received.payload[2]! += 6;
  assert.equal(payloadBytes(received), 11);
});

Deno.test("payloadSize() is the length of the payload when any PUBLISH is encoded", () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 1, maxLength: 300, unit: "grapheme-ascii" }),
      fc.nat({ max: 20_000 }),
      fc.constantFrom<0 | 1 | 2>(0, 1, 2),
      fc.constantFrom<4 | 5>(4, 5),
      fc.option(fc.uint8Array({ maxLength: 300 }), { nil: undefined }),
      (topic, size, qos, version, correlationData) => {
        const message = {
          topic,
          payload: new Uint8Array(size),
          qos,
          retain: false,
          dup: false,
          properties: correlationData === undefined ? undefined : { correlationData },
        };
        const { bytes } = encodePublish(message, version);
        assert.equal(payloadSize(bytes, version), size);
      },
    ),
    { numRuns: 300 },
  );
});

Deno.test("observe() counts a value into the first range that holds it when bounds are met exactly", () => {
  const histogram = newHistogram([1, 2, 5]);
  for (const value of [0, 1, 1.5, 2, 3, 5, 6, 1_000]) observe(histogram, value);
  assert.deepEqual([...histogram.counts], [2, 2, 2, 2]);
  assert.equal(histogram.sum, 1_018.5);
  assert.equal(observations(histogram), 8);
});
