/** What is read out of certificates, compared with what openssl says of them. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { readDer } from "../../src/transport/der.ts";
import { pemBlocks } from "../../src/transport/pem.ts";
import { clientCertificate, factsOf } from "../../src/transport/x509.ts";
import { toolTest } from "../end_to_end/tools.ts";
import type { IssueOptions, Pair } from "./certificates.ts";
import { openssl, withAuthority } from "./certificates.ts";

function derOf({ certificate }: Pair): Uint8Array {
  return pemBlocks(Deno.readTextFileSync(certificate), "CERTIFICATE")[0]!;
}

toolTest(
  ["openssl"],
  "clientCertificate() says what openssl says when it reads the same",
  () =>
    withAuthority(async (authority) => {
      const pair = await authority.issue("pump", {
        subject: "/C=DE/O=Plänt, Söhne+Co/OU= a b /CN=pump-7",
        names: "DNS:pump7.plant,URI:urn:dev:pump7,DNS:b.plant,email:x@y",
      });
      const found = clientCertificate(derOf(pair));
      const printed = await openssl([
        ...["x509", "-in", pair.certificate, "-noout", "-serial", "-fingerprint", "-sha256"],
        ...["-subject", "-issuer", "-nameopt", "RFC2253,-esc_msb,utf8"],
      ]);
      const line = (name: string) => new RegExp(`${name}=(.*)`, "i").exec(printed)![1];
      assert.equal(found.cn, "pump-7");
      assert.equal(found.serial, line("serial")!.replace(/^0+/, ""));
      assert.equal(found.fingerprint, line("sha256 Fingerprint"));
      assert.equal(found.subject, line("subject"));
      assert.equal(found.issuer, line("issuer"));
      assert.deepEqual(found.sanDns, ["pump7.plant", "b.plant"]);
      assert.deepEqual(found.sanUri, ["urn:dev:pump7"]);
    }),
);

/** Certificates whose names try to look like more than they are, and what is read of them. */
const tricks: readonly [title: string, options: IssueOptions, key: string, expected: unknown][] = [
  [
    "a URI has commas and a DNS name in it",
    { extensions: ["subjectAltName=@san", "[san]", "URI.1=urn:x,DNS:admin"] },
    "sanUri",
    ["urn:x,DNS:admin"],
  ],
  ["an organization has a CN in it", { subject: "/O=x,CN=admin/CN=pump" }, "cn", "pump"],
  [
    "an organization has a comma in it",
    { subject: "/O=x,CN=admin/CN=pump" },
    "subject",
    "CN=pump,O=x\\,CN=admin",
  ],
  ["there are two Common Names", { subject: "/CN=pump/CN=admin" }, "cn", undefined],
  ["there is no Common Name", { subject: "/O=x" }, "cn", undefined],
];

for (const [title, options, key, expected] of tricks) {
  toolTest(
    ["openssl"],
    `clientCertificate() is not misled when ${title}`,
    () =>
      withAuthority(async (authority) => {
        const found = clientCertificate(derOf(await authority.issue("trick", options)));
        assert.deepEqual(found[key as keyof typeof found], expected);
      }),
  );
}

toolTest(
  ["openssl"],
  "factsOf() throws an Error or reads it when bytes are changed",
  () =>
    withAuthority(async (authority) => {
      const good = derOf(await authority.issue("a", { names: "DNS:a,URI:b" }));
      factsOf(good);
      fc.assert(
        fc.property(
          fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
          fc.nat(good.length),
          (changes, cut) => {
            const bytes = good.slice(0, cut < 50 ? cut : undefined);
            for (const [at, byte] of changes) if (at < bytes.length) bytes[at] = byte;
            try {
              factsOf(bytes);
            } catch (error) {
              assert.ok(error instanceof Error);
            }
          },
        ),
        { numRuns: 2_000 },
      );
    }),
);

const malformed: readonly [title: string, bytes: number[]][] = [
  ["there is nothing", []],
  ["there is only a tag", [0x30]],
  ["the content is cut", [0x30, 3, 1, 1]],
  ["the length is indefinite", [0x30, 0x80, 0, 0]],
  ["the length has five bytes", [0x30, 0x85, 0, 0, 0, 0, 1, 1]],
  ["the length is cut", [0x30, 0x82, 1]],
  ["the tag goes on", [0x1f, 0x81, 1, 0]],
];

for (const [title, bytes] of malformed) {
  Deno.test(`readDer() throws when ${title}`, () => {
    assert.throws(() => readDer(new Uint8Array(bytes)), /DER/);
  });
}
