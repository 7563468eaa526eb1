/** Which user a certificate stands for. */

import assert from "node:assert/strict";
import { anonymousOnly } from "../../src/authentication/authenticator.ts";
import { certificateIdentity, withCertificates } from "../../src/authentication/certificate.ts";
import type { CertificateUse, ClientCertificate, Peer } from "../../src/policy/identity.ts";

const certificate: ClientCertificate = {
  cn: "pump-7",
  subject: "CN=pump-7,O=Plant",
  issuer: "CN=CA",
  serial: "1F",
  fingerprint: "AA:BB",
  sanDns: ["pump7.plant"],
  sanUri: ["urn:dev:7"],
};

function peer(more: Partial<Peer> = {}): Peer {
  return { address: "127.0.0.1:1", listener: "l", anonymousAllowed: true, ...more };
}

const { cn: _, ...withoutName } = certificate;
const cases: readonly [CertificateUse, ClientCertificate | undefined, string | RegExp][] = [
  ["commonName", certificate, "pump-7"],
  ["subject", certificate, "CN=pump-7,O=Plant"],
  ["sanDns", certificate, "pump7.plant"],
  ["sanUri", certificate, "urn:dev:7"],
  ["commonName", undefined, /there is no client certificate/],
  ["commonName", withoutName, /not exactly one commonName/],
  ["sanDns", { ...certificate, sanDns: [] }, /not exactly one sanDns/],
  ["sanUri", { ...certificate, sanUri: ["urn:a", "urn:b"] }, /not exactly one sanUri/],
  ["commonName", { ...certificate, cn: "" }, /not fit for a user name/],
  ["commonName", { ...certificate, cn: "admin\0pump" }, /not fit for a user name/],
  ["commonName", { ...certificate, cn: "$broker" }, /not fit for a user name/],
  ["subject", { ...certificate, subject: "ü".repeat(40_000) }, /not fit for a user name/],
];

for (const [at, [use, shown, expected]] of cases.entries()) {
  Deno.test(`certificateIdentity() is ${expected} when use is ${use} (${at})`, () => {
    const identity = certificateIdentity(peer({ certificate: shown }), use);
    if (typeof expected === "string") assert.deepEqual(identity, { user: expected, roles: [] });
    else assert.match(String(identity), expected);
  });
}

const credentials = {
  clientId: "c",
  username: "admin",
  password: new Uint8Array(1),
  authenticationMethod: undefined,
  authenticationData: undefined,
  protocolVersion: 5,
} as const;

const verdicts: readonly [title: string, peer: Peer, expected: string | undefined][] = [
  [
    "there is a certificate and a use",
    peer({ certificate, certificateUse: "commonName" }),
    "pump-7",
  ],
  ["there is a certificate and no use", peer({ certificate }), undefined],
  ["there is a use and no certificate", peer({ certificateUse: "commonName" }), undefined],
];

for (const [title, from, expected] of verdicts) {
  Deno.test(`withCertificates() lets in as ${expected ?? "anonymous"} when ${title}`, async () => {
    const verdict = await withCertificates(anonymousOnly).verify({ ...credentials, peer: from });
    assert.equal(verdict.type === "accepted" && verdict.identity.user, expected);
  });
}

Deno.test("withCertificates() refuses when the certificate has no such name", async () => {
  const from = peer({ certificate: withoutName, certificateUse: "commonName" });
  const verdict = await withCertificates(anonymousOnly).verify({ ...credentials, peer: from });
  assert.equal(verdict.type, "refused");
});
