import assert from "node:assert/strict";
import type { ClientCertificate, Peer } from "../../src/policy/identity.ts";
import { connectedAs } from "../../src/policy/connected_as.ts";
import { deepFreeze } from "../deep_freeze.ts";

const ADA = deepFreeze({ user: "ada", roles: ["night"] });
const PEER: Peer = deepFreeze({
  address: "10.1.2.3:50123",
  listener: "plain",
  anonymousAllowed: false,
});
const CERTIFICATE: ClientCertificate = deepFreeze({
  cn: "pump-7",
  subject: "CN=pump-7,O=Plant",
  issuer: "CN=Plant CA",
  serial: "1F",
  fingerprint: "85:AD",
  sanDns: ["pump.example"],
  sanUri: [],
});

Deno.test("connectedAs() adds the client id, the address without its port, and the listener", () => {
  assert.deepEqual(connectedAs(ADA, "desk", PEER), {
    user: "ada",
    roles: ["night"],
    clientId: "desk",
    address: "10.1.2.3",
    listener: "plain",
    certificate: undefined,
    version: undefined,
  });
});

/** [address of the link, address of the identity] */
const addresses: readonly (readonly [string, string])[] = [
  ["[2001:db8::7]:1883", "2001:db8::7"],
  ["/run/dunlin.sock", "/run/dunlin.sock"],
  ["", ""],
];
for (const [address, expected] of addresses) {
  Deno.test(`connectedAs() keeps "${expected}" of the address "${address}"`, () => {
    assert.equal(connectedAs(ADA, "x", { ...PEER, address }).address, expected);
  });
}

Deno.test("connectedAs() adds the fields of the certificate, and keeps them short", () => {
  const plain = connectedAs(ADA, "x", { ...PEER, certificate: CERTIFICATE });
  assert.deepEqual(plain.certificate, { ...CERTIFICATE });
  const huge: ClientCertificate = {
    ...CERTIFICATE,
    subject: "S".repeat(2_000),
    sanDns: [...Array.from({ length: 100 }, (_, at) => `n${at}`)],
    sanUri: ["u".repeat(2_000), "urn:x"],
  };
  const { certificate } = connectedAs(ADA, "x", { ...PEER, certificate: huge });
  assert.equal(certificate?.["subject"], undefined);
  assert.equal(certificate?.["sanDns"]?.length, 32);
  assert.deepEqual(certificate?.["sanUri"], ["urn:x"]);
});

Deno.test("connectedAs() takes nothing over from where the identity was proven before", () => {
  const before = connectedAs(ADA, "other", { ...PEER, certificate: CERTIFICATE });
  assert.deepEqual(connectedAs(before, "desk", PEER), connectedAs(ADA, "desk", PEER));
});
