/** The PROXY protocol: headers of both versions, who may send them, and a table of malformed ones. */

import assert from "node:assert/strict";
import fc from "fast-check";
import type { Cidr } from "../../src/policy/cidr.ts";
import { parseCidr } from "../../src/policy/cidr.ts";
import { hostOf, parseAddress } from "../../src/policy/ip_address.ts";
import type { ProxyOptions } from "../../src/transport/proxy_protocol.ts";
import { proxyProtocolOver, readSource } from "../../src/transport/proxy_protocol.ts";
import { Refused } from "../../src/transport/transport.ts";
import { joined } from "../../src/packet/joined.ts";
import { cutAt, ScriptedLink } from "./scripted_link.ts";

const OPTIONS: ProxyOptions = {
  trusted: [parseCidr("192.0.2.0/24") as Cidr],
  maximumHeader: 1_024,
};
const AFTER = "\x10\x0c and more";

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

interface Binary {
  readonly versionAndCommand?: number;
  readonly family?: number;
  readonly body?: readonly number[];
  readonly length?: number;
}

const SIGNATURE = "\r\n\r\n\0\r\nQUIT\n";
const V4 = [203, 0, 113, 7, 10, 0, 0, 1, 0xdd, 0xd5, 0x07, 0x5b];
const V6 = [
  ...[0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7],
  ...new Array<number>(15).fill(0),
  1,
  ...[0xdd, 0xd5, 0x07, 0x5b],
];

function v2(
  { versionAndCommand = 0x21, family = 0x11, body = V4, length }: Binary = {},
): Uint8Array {
  const size = length ?? body.length;
  return joined([
    bytesOf(SIGNATURE),
    Uint8Array.of(versionAndCommand, family, size >> 8, size & 255, ...body),
  ]);
}

interface Outcome {
  readonly source?: string;
  readonly refused?: string;
  /** Bytes behind the header that are still there. */
  readonly left: number;
}

async function outcomeOf(
  header: Uint8Array,
  places: readonly number[] = [],
  options = OPTIONS,
  address?: string,
): Promise<Outcome> {
  const link = new ScriptedLink(cutAt(joined([header, bytesOf(AFTER)]), places), address);
  try {
    const source = await readSource(link, options);
    return { source: source === "own" ? "own" : source.address, left: link.left };
  } catch (error) {
    assert.ok(error instanceof Refused, String(error));
    return { refused: error.reason, left: link.left };
  }
}

const TLV = (
  type: number,
  size: number,
) => [type, size >> 8, size & 255, ...new Array<number>(size).fill(0)];

const TAKEN: readonly (readonly [what: string, header: Uint8Array, source: string])[] = [
  ["TCP4", bytesOf("PROXY TCP4 203.0.113.7 10.0.0.1 56789 1883\r\n"), "203.0.113.7:56789"],
  ["TCP6", bytesOf("PROXY TCP6 2001:db8::7 ::1 56789 1883\r\n"), "[2001:db8::7]:56789"],
  [
    "the longest line",
    bytesOf(`PROXY TCP6 ${"ffff:".repeat(7)}ffff ${"ffff:".repeat(7)}ffff 65535 65535\r\n`),
    `[${"ffff:".repeat(7)}ffff]:65535`,
  ],
  ["the shortest line", bytesOf("PROXY UNKNOWN\r\n"), "own"],
  ["UNKNOWN with addresses", bytesOf("PROXY UNKNOWN ffff::1 ::1 1 2\r\n"), "own"],
  ["a line of 107 bytes", bytesOf(`PROXY UNKNOWN ${"x".repeat(91)}\r\n`), "own"],
  ["port 0", bytesOf("PROXY TCP4 203.0.113.7 10.0.0.1 0 0\r\n"), "203.0.113.7:0"],
  ["version 2 of IPv4", v2(), "203.0.113.7:56789"],
  ["version 2 of IPv6", v2({ family: 0x21, body: V6 }), "[2001:db8::7]:56789"],
  [
    "version 2 of IPv4 in IPv6",
    v2({
      family: 0x21,
      body: [...new Array<number>(10).fill(0), 255, 255, 203, 0, 113, 7, ...V6.slice(16)],
    }),
    "203.0.113.7:56789",
  ],
  [
    "version 2 with extensions",
    v2({ body: [...V4, ...TLV(3, 4), ...TLV(0x20, 300), ...TLV(4, 0)] }),
    "203.0.113.7:56789",
  ],
  ["LOCAL", v2({ versionAndCommand: 0x20, family: 0, body: [] }), "own"],
  ["LOCAL with addresses", v2({ versionAndCommand: 0x20 }), "own"],
  ["LOCAL with rubbish", v2({ versionAndCommand: 0x20, family: 0xff, body: [1, 2, 3] }), "own"],
  ["no family", v2({ family: 0, body: [1, 2, 3] }), "own"],
  ["a Unix socket", v2({ family: 0x31, body: new Array<number>(216).fill(0) }), "own"],
];

for (const [what, header, source] of TAKEN) {
  Deno.test(`readSource() gives ${source} and takes not a byte more when there is ${what}`, async () => {
    assert.deepEqual(await outcomeOf(header), { source, left: AFTER.length });
    const every = Array.from(header, (_, at) => at);
    assert.deepEqual(await outcomeOf(header, every), { source, left: AFTER.length });
  });
}

const REFUSED: readonly (readonly [what: string, header: Uint8Array])[] = [
  ["MQTT", bytesOf("\x10\x0c\0\x04MQTT\x04\x02\0\0\0\0")],
  ["TLS", bytesOf("\x16\x03\x01\0\xa5\x01\0\0\xa1\x03\x03\0\0\0\0")],
  ["HTTP", bytesOf("GET /mqtt HTTP/1.1\r\n\r\n")],
  ["a small proxy", bytesOf("proxy TCP4 203.0.113.7 10.0.0.1 1 2\r\n")],
  ["TCP5", bytesOf("PROXY TCP5 203.0.113.7 10.0.0.1 1 2\r\n")],
  ["UDP4", bytesOf("PROXY UDP4 203.0.113.7 10.0.0.1 1 2\r\n")],
  ["an IPv6 address in TCP4", bytesOf("PROXY TCP4 2001:db8::7 10.0.0.1 1 2\r\n")],
  ["an IPv4 address in TCP6", bytesOf("PROXY TCP6 203.0.113.7 ::1 1 2\r\n")],
  ["no address", bytesOf("PROXY TCP4 example.com 10.0.0.1 1 2\r\n")],
  ["an address with a zero in front", bytesOf("PROXY TCP4 203.0.113.07 10.0.0.1 1 2\r\n")],
  ["a port above 65,535", bytesOf("PROXY TCP4 203.0.113.7 10.0.0.1 65536 2\r\n")],
  ["a port with a zero in front", bytesOf("PROXY TCP4 203.0.113.7 10.0.0.1 01 2\r\n")],
  ["a port with a sign", bytesOf("PROXY TCP4 203.0.113.7 10.0.0.1 -1 2\r\n")],
  ["no second port", bytesOf("PROXY TCP4 203.0.113.7 10.0.0.1 1\r\n")],
  ["two blanks", bytesOf("PROXY TCP4  203.0.113.7 10.0.0.1 1 2\r\n")],
  ["a blank at the end", bytesOf("PROXY TCP4 203.0.113.7 10.0.0.1 1 2 \r\n")],
  ["a bare line feed", bytesOf("PROXY TCP4 203.0.113.7 10.0.0.1 1 2\n")],
  ["a carriage return in the line", bytesOf("PROXY TCP4 203.0.113.7 \r10.0.0.1 1 2\r\n")],
  ["a line of 108 bytes", bytesOf(`PROXY UNKNOWN ${"x".repeat(92)}\r\n`)],
  ["a line without an end", bytesOf(`PROXY TCP4 ${"1".repeat(500)}`)],
  ["a wrong signature", bytesOf("\r\n\r\n\0\r\nQUIT\r!\x11\0\0")],
  ["version 1 in binary", v2({ versionAndCommand: 0x11 })],
  ["version 3", v2({ versionAndCommand: 0x31 })],
  ["the command 2", v2({ versionAndCommand: 0x22 })],
  ["an unknown family", v2({ family: 0x41 })],
  ["an unknown transport", v2({ family: 0x13 })],
  ["datagrams", v2({ family: 0x12 })],
  ["addresses that are too short", v2({ body: V4.slice(1) })],
  ["IPv4 addresses for IPv6", v2({ family: 0x21 })],
  ["an extension that is cut off", v2({ body: [...V4, 3, 0, 5, 1, 2] })],
  ["half an extension's head", v2({ body: [...V4, 3, 0] })],
  ["a header above the limit", v2({ body: [...V4, ...TLV(0x20, 1_000)] })],
  ["a header of 64 KiB", v2({ length: 65_535 })],
];

for (const [what, header] of REFUSED) {
  Deno.test(`readSource() refuses ${what}, however it is split`, async () => {
    assert.match((await outcomeOf(header)).refused ?? "taken", /^PROXY: /);
    const every = Array.from(header, (_, at) => at);
    assert.match((await outcomeOf(header, every)).refused ?? "taken", /^PROXY: /);
  });
}

Deno.test("readSource() refuses a header that is closed before its end", async () => {
  for (const [, header] of TAKEN) {
    for (let size = 0; size < header.length; size += 5) {
      const link = new ScriptedLink([header.subarray(0, size)]);
      await assert.rejects(readSource(link, OPTIONS), (error) => error instanceof Refused);
    }
  }
});

Deno.test("readSource() reads nothing when the address is not trusted", async () => {
  const [, header] = TAKEN[0]!;
  for (const address of ["198.51.100.1:5000", "[2001:db8::1]:5", "/run/dunlin.sock"]) {
    const { refused, left } = await outcomeOf(header, [], OPTIONS, address);
    assert.match(refused ?? "", /proxyProtocol\.trusted/);
    assert.equal(left, header.length + AFTER.length);
  }
});

Deno.test("readSource() trusts everybody on a Unix socket when the socket is what is trusted", async () => {
  const options: ProxyOptions = { ...OPTIONS, trusted: "socket" };
  const { source } = await outcomeOf(TAKEN[0]![1], [], options, "/run/dunlin.sock");
  assert.equal(source, "203.0.113.7:56789");
});

Deno.test("readSource() gives the address that was written when it is any, in both versions", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(fc.constant(0), fc.nat(255)), { minLength: 16, maxLength: 16 }),
      fc.nat(65_535),
      fc.array(fc.nat(), { maxLength: 5 }),
      async (bytes, port, places) => {
        const ports = [port >> 8, port & 255, 7, 91];
        const body = [...bytes, ...new Array<number>(16).fill(1), ...ports];
        const { source, left } = await outcomeOf(v2({ family: 0x21, body }), places);
        const groups = [0, 2, 4, 6, 8, 10, 12, 14].map((at) =>
          (bytes[at]! * 256 + bytes[at + 1]!).toString(16)
        ).join(":");
        assert.deepEqual(parseAddress(hostOf(source!)!), parseAddress(groups));
        assert.ok(source!.endsWith(`:${port}`));
        assert.equal(left, AFTER.length);
        const v1 = bytesOf(`PROXY TCP6 ${groups} ::1 ${port} 1883\r\n`);
        assert.equal((await outcomeOf(v1, places)).source, `[${groups}]:${port}`);
      },
    ),
    { numRuns: 300 },
  );
});

Deno.test("proxyProtocolOver() opens a link with the client's address that reads what is behind the header", async () => {
  const inner = new ScriptedLink([joined([TAKEN[0]![1], bytesOf(AFTER)])]);
  const listener = proxyProtocolOver({
    address: "127.0.0.1:1",
    accept: () => Promise.resolve(inner),
    close: () => {},
  }, OPTIONS);
  const link = await listener.open!((await listener.accept())!);
  assert.equal(link.address, "203.0.113.7:56789");
  const into = new Uint8Array(100);
  assert.equal(await link.read(into), AFTER.length);
  await link.write(Uint8Array.of(1));
  link.close();
  assert.deepEqual([inner.written, inner.closed], [[1], 1]);
});
