import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { acknowledgementWord } from "../../src/packet/acknowledgement.ts";
import { decode } from "../../src/packet/decode.ts";
import { encode } from "../../src/packet/encode.ts";
import { MalformedPacket } from "../../src/packet/malformed_packet.ts";
import type { Packet, ProtocolVersion } from "../../src/packet/packet.ts";
import { versionAndPacket } from "./arbitraries.ts";
import { comparable, generatedByThem, parsedByThem, tame, theirs } from "./mqtt_packet_oracle.ts";

Deno.test("decode() gives back the packet when encode() wrote it", () => {
  fc.assert(
    fc.property(versionAndPacket, ([version, packet]) => {
      deepStrictEqual(decode(encode(packet, version), version), packet);
    }),
    { numRuns: 3000 },
  );
});

Deno.test("decode() gives back the packet when mqtt-packet wrote it", () => {
  fc.assert(
    fc.property(versionAndPacket, ([version, any]) => {
      const packet = tame(any);
      deepStrictEqual(decode(generatedByThem(packet, version), version), packet);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("encode() writes what mqtt-packet reads as the same packet when it is one that it can say", () => {
  fc.assert(
    fc.property(versionAndPacket, ([version, any]) => {
      const packet = tame(any);
      const expected = theirs(packet, version);
      const found = parsedByThem(encode(packet, version), version, expected);
      deepStrictEqual(comparable(found), comparable(expected));
    }),
    { numRuns: 2000 },
  );
});

/** A change of a frame: bytes replaced, and cut, with the Remaining Length put right or left as it is. */
const mutation = fc.record({
  places: fc.array(
    fc.tuple(fc.nat(), fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0, 1, 0xff))),
    {
      maxLength: 4,
    },
  ),
  keep: fc.option(fc.nat(), { nil: undefined }),
  repair: fc.boolean(),
});

function mutated(
  frame: Uint8Array,
  how: typeof mutation extends fc.Arbitrary<infer M> ? M : never,
) {
  const copy = frame.slice(
    0,
    how.keep === undefined ? frame.length : how.keep % (frame.length + 1),
  );
  for (const [at, byte] of how.places) if (copy.length > 0) copy[at % copy.length] = byte;
  if (how.repair && copy.length >= 2 && copy.length < 130) copy[1] = copy.length - 2;
  return copy;
}

function decoded(frame: Uint8Array, version: ProtocolVersion): Packet | MalformedPacket {
  try {
    return decode(frame, version);
  } catch (error) {
    if (error instanceof MalformedPacket) return error;
    throw error;
  }
}

Deno.test("decode() throws nothing but MalformedPacket when a frame was changed at random", () => {
  let accepted = 0;
  let refused = 0;
  fc.assert(
    fc.property(versionAndPacket, mutation, ([version, packet], how) => {
      const found = decoded(mutated(encode(packet, version), how), version);
      if (found instanceof MalformedPacket) {
        refused++;
        ok(found.reasonCode >= 0x80 && found.message.length > 0);
        return;
      }
      accepted++;
      const as = found.type === "connect" ? found.protocolVersion : version;
      deepStrictEqual(decode(encode(found, as), as), found);
    }),
    { numRuns: 10_000 },
  );
  ok(accepted > 500 && refused > 500, `accepted ${accepted}, refused ${refused}`);
});

Deno.test("decode() throws nothing but MalformedPacket when the bytes are any", () => {
  fc.assert(
    fc.property(
      fc.constantFrom<ProtocolVersion>(3, 4, 5),
      fc.integer({ min: 0, max: 255 }),
      fc.uint8Array({ maxLength: 60 }),
      (version, first, body) => {
        decoded(Uint8Array.from([first, body.length, ...body]), version);
      },
    ),
    { numRuns: 10_000 },
  );
});

Deno.test("decode() reads a packet wherever it lies when others stand around it", () => {
  fc.assert(
    fc.property(
      versionAndPacket,
      fc.uint8Array({ maxLength: 5 }),
      fc.uint8Array({ maxLength: 5 }),
      ([version, packet], before, after) => {
        const frame = encode(packet, version);
        const bytes = new Uint8Array([...before, ...frame, ...after]);
        const to = before.length + frame.length;
        deepStrictEqual(decode(bytes, version, before.length, to), packet);
      },
    ),
    { numRuns: 2000 },
  );
});

Deno.test("acknowledgementWord() is what encode() writes when that is four bytes, and else 0", () => {
  fc.assert(
    fc.property(versionAndPacket, ([version, packet]) => {
      const isAcknowledgement = ["puback", "pubrec", "pubrel", "pubcomp"].includes(packet.type);
      const bytes = encode(packet, version);
      const word = isAcknowledgement && bytes.length === 4
        ? new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
        : 0;
      strictEqual(acknowledgementWord(packet, version), word);
    }),
    { numRuns: 2000 },
  );
});
