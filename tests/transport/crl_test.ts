/** Revocation lists: whom they name, and which of them are not believed. */

import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { parseRevocations } from "../../src/transport/crl.ts";
import { pemBlocks } from "../../src/transport/pem.ts";
import { toolTest } from "../end_to_end/tools.ts";
import type { Pair } from "./certificates.ts";
import { openssl, rootAuthority, withAuthority } from "./certificates.ts";

const read = (path: string) => Deno.readTextFileSync(path);
const derOf = ({ certificate }: Pair) => pemBlocks(read(certificate), "CERTIFICATE")[0]!;
const authorityOf = (pair: Pair) => new X509Certificate(derOf(pair));

toolTest(
  ["openssl"],
  "parseRevocations() names those that were revoked, and nobody else",
  () =>
    withAuthority(async (authority) => {
      const [a, b, c] = [
        await authority.issue("a"),
        await authority.issue("b"),
        await authority.issue("c"),
      ];
      const empty = parseRevocations(read(await authority.revoke([])), [authorityOf(authority)]);
      assert.equal(empty.isRevoked(derOf(a)), false);
      const list = parseRevocations(read(await authority.revoke([a, c])), [authorityOf(authority)]);
      assert.deepEqual([a, b, c].map((pair) => list.isRevoked(derOf(pair))), [true, false, true]);
      assert.ok(list.nextUpdate > Date.now() && list.nextUpdate < Date.now() + 40 * 86_400_000);
    }),
);

toolTest(
  ["openssl"],
  "parseRevocations() keeps the lists of two CAs apart",
  () =>
    withAuthority(async (authority) => {
      const below = await authority.authority("Below");
      const [a, b] = [await authority.issue("a"), await below.issue("b")];
      const text = read(await authority.revoke([a])) + read(await below.revoke([b]));
      const list = parseRevocations(text, [authorityOf(authority), authorityOf(below)]);
      assert.deepEqual([a, b].map((pair) => list.isRevoked(derOf(pair))), [true, true]);
      const one = parseRevocations(read(await below.revoke([])), [authorityOf(below)]);
      assert.deepEqual([a, b].map((pair) => one.isRevoked(derOf(pair))), [false, true]);
    }),
);

toolTest(
  ["openssl"],
  "parseRevocations() refuses a list when it is not signed by its CA",
  () =>
    withAuthority(async (authority) => {
      const directory = authority.certificate.replace(/\/[^/]*$/, "");
      const namesake = await rootAuthority(directory, "Test CA");
      const other = await rootAuthority(directory, "Other CA");
      const list = read(await authority.revoke([]));
      assert.throws(() => parseRevocations(list, [authorityOf(namesake)]), /list 1: its signature/);
      assert.throws(
        () => parseRevocations(list, [authorityOf(other)]),
        /CN=Test CA is none of those/,
      );
      const bytes = pemBlocks(list, "X509 CRL")[0]!;
      bytes[bytes.length - 1]! ^= 1;
      const forged = `-----BEGIN X509 CRL-----\n${btoa(String.fromCharCode(...bytes))}\n` +
        "-----END X509 CRL-----\n";
      assert.throws(
        () => parseRevocations(forged, [authorityOf(authority)]),
        /list 1: its signature/,
      );
    }),
);

toolTest(
  ["openssl"],
  "parseRevocations() refuses a list when it is not about all clients",
  () =>
    withAuthority(async (authority) => {
      const directory = authority.certificate.replace(/\/[^/]*$/, "");
      const config = `${directory}/partial.cnf`;
      const own = await Deno.readTextFile(`${directory}/ca.cnf`);
      const extensions = "[x]\nissuingDistributionPoint=critical,@i\n[i]\nonlyuser=TRUE\n";
      await Deno.writeTextFile(config, `${own}\n${extensions}`);
      const list = `${directory}/partial.crl`;
      const args = ["-gencrl", "-crlexts", "x", "-out", list, "-crldays", "30"];
      await openssl(["ca", "-config", config, ...args]);
      assert.throws(
        () => parseRevocations(read(list), [authorityOf(authority)]),
        /list 1: its extension 2\.5\.29\.28 is not supported/,
      );
    }),
);

for (
  const text of [
    "",
    "garbage",
    "-----BEGIN X509 CRL-----\nAAAA\n",
    "-----BEGIN X509 CRL-----\n%\n-----END X509 CRL-----",
    "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----",
  ]
) {
  Deno.test(`parseRevocations() throws when the text is ${JSON.stringify(text)}`, () => {
    assert.throws(() => parseRevocations(text, []), /found|DER/);
  });
}
