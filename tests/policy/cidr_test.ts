/** Ranges of IP addresses against a table and against arithmetic on big integers. */

import assert from "node:assert/strict";
import fc from "fast-check";
import type { Cidr } from "../../src/policy/cidr.ts";
import { contains, formatCidr, parseCidr } from "../../src/policy/cidr.ts";
import { hostOf, parseAddress, withPort } from "../../src/policy/ip_address.ts";

function cidr(text: string): Cidr {
  const parsed = parseCidr(text);
  if (typeof parsed === "string") throw new assert.AssertionError({ message: parsed });
  return parsed;
}

const INSIDE: readonly (readonly [range: string, address: string, expected: boolean])[] = [
  ["10.0.0.0/8", "10.255.0.1", true],
  ["10.0.0.0/8", "11.0.0.0", false],
  ["10.0.0.0/8", "10.1.2.3:50123", true],
  ["10.0.0.0/8", "::ffff:10.1.2.3", true],
  ["10.0.0.0/8", "[::ffff:10.1.2.3]:1883", true],
  ["::ffff:10.0.0.0/104", "10.1.2.3", true],
  ["0.0.0.0/0", "255.255.255.255", true],
  ["0.0.0.0/0", "::1", false],
  ["::/0", "10.0.0.1", false],
  ["::/0", "2001:db8::1", true],
  ["192.168.1.7", "192.168.1.7", true],
  ["192.168.1.7", "192.168.1.6", false],
  ["255.255.255.254/31", "255.255.255.255", true],
  ["128.0.0.0/1", "127.255.255.255", false],
  ["2001:db8::/32", "[2001:DB8:ffff::1]:50123", true],
  ["2001:db8::/32", "2001:db9::", false],
  ["2001:db8::/33", "2001:db8:8000::", false],
  ["fe80::/10", "fe80::1%eth0", true],
  ["::1", "[::1]:1", true],
  ["::1/128", "::2", false],
  ["10.0.0.0/8", "/run/dunlin.sock", false],
  ["10.0.0.0/8", "", false],
  ["10.0.0.0/8", "10.0.0.1.5", false],
  ["10.0.0.0/8", "localhost:1883", false],
];

for (const [range, address, expected] of INSIDE) {
  Deno.test(`contains() is ${expected} for "${address}" in ${range}`, () => {
    assert.equal(contains(cidr(range), address), expected);
  });
}

const WRONG = [
  "",
  "10.0.0.0/33",
  "10.0.0.0/-1",
  "10.0.0.0/08",
  "10.0.0.0/",
  "10.0.0.0/8/8",
  "10.0.0.1/8",
  "10.0.0/8",
  "010.0.0.0/8",
  "256.0.0.0/8",
  "::/129",
  "::1/64",
  "1::2::3",
  "1:2:3:4:5:6:7",
  "1:2:3:4:5:6:7:8:9",
  "1:2:3:4:5:6:7::8:9",
  "12345::",
  ":1::",
  "1.2.3.4::",
  "::ffff:10.0.0.0/8",
  "fe80::1%eth0",
  "10.0.0.0 /8",
  "localhost",
];

for (const text of WRONG) {
  Deno.test(`parseCidr() says what is wrong when given "${text}"`, () => {
    const problem = parseCidr(text);
    assert.equal(typeof problem, "string");
    assert.ok((problem as string).includes(`"${text}"`));
  });
}

const v4 = fc.tuple(fc.nat(0xffffffff), fc.nat(32)).map(([value, bits]) => ({
  width: 32,
  value: BigInt(value),
  bits,
}));
const v6 = fc.tuple(fc.bigInt(1n << 64n, (1n << 128n) - 1n), fc.nat(128)).map(([value, bits]) => ({
  width: 128,
  value,
  bits,
}));

/** The text of an address, by arithmetic that shares nothing with the code. */
function textOf(value: bigint, width: number): string {
  if (width === 32) {
    return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join(".");
  }
  const parts = [];
  for (let shift = 112n; shift >= 0n; shift -= 16n) {
    parts.push(((value >> shift) & 0xffffn).toString(16));
  }
  return parts.join(":");
}

Deno.test("contains() agrees with big integers when range and address are any", () => {
  fc.assert(
    fc.property(
      fc.oneof(v4, v6),
      fc.bigInt(0n, (1n << 128n) - 1n),
      fc.nat(128),
      (range, noise, at) => {
        const { width, value, bits } = range;
        const rest = BigInt(width - bits);
        const network = (value >> rest) << rest;
        // Addresses near the range: of the same value with what lies behind some bit changed.
        const flips = noise & ((1n << BigInt(at % (width + 1))) - 1n);
        const address = value ^ flips;
        const parsed = cidr(`${textOf(network, width)}/${bits}`);
        const inside = address >> rest === network >> rest;
        if (width === 128 && address >> 32n === 0xffffn) return; // an IPv4 address in disguise
        assert.equal(contains(parsed, textOf(address, width)), inside);
        assert.equal(contains(parsed, withPort(textOf(address, width), 1883)), inside);
        assert.deepEqual(cidr(formatCidr(parsed)), parsed);
      },
    ),
    { numRuns: 2000 },
  );
});

Deno.test("parseAddress() reads the same when zeros are written as ::", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(0xffff), { maxLength: 7 }), fc.nat(7), (groups, cut) => {
      const at = Math.min(cut, groups.length);
      const front = groups.slice(0, at);
      const back = groups.slice(at);
      const hex = (list: readonly number[]) => list.map((group) => group.toString(16)).join(":");
      const whole = [...front, ...new Array<number>(8 - groups.length).fill(0), ...back];
      assert.deepEqual(parseAddress(`${hex(front)}::${hex(back)}`), parseAddress(hex(whole)));
    }),
    { numRuns: 1000 },
  );
});

Deno.test("parseAddress() returns at once when the text is any", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom(..."0123456789abf:./%[]"), maxLength: 60 }),
      (text) => {
        const parsed = parseAddress(text);
        if (parsed !== undefined) assert.equal(parsed.words.length, parsed.family === 4 ? 1 : 4);
      },
    ),
    { numRuns: 2000 },
  );
});

Deno.test("hostOf() takes port, brackets and zone off when there are any", () => {
  assert.equal(hostOf("10.1.2.3:1"), "10.1.2.3");
  assert.equal(hostOf("10.1.2.3"), "10.1.2.3");
  assert.equal(hostOf("[::1]:65535"), "::1");
  assert.equal(hostOf("[fe80::1%eth0]:1"), "fe80::1");
  assert.equal(hostOf("::1"), "::1");
  assert.equal(hostOf("/run/x.sock"), undefined);
  assert.equal(hostOf("[::1]:x"), undefined);
});
