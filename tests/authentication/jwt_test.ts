/** Clients by token: what is signed by whom, for whom and until when; and what attackers make of it. */

import assert from "node:assert/strict";
import { createPublicKey } from "node:crypto";
import type { CryptoKey } from "jose";
import { exportJWK, exportSPKI, generateKeyPair, SignJWT, UnsecuredJWT } from "jose";
import { jwtVerifier } from "../../src/authentication/jwt.ts";
import type { JwtOptions } from "../../src/authentication/jwt.ts";
import type { JwtKeys } from "../../src/authentication/jwt_keys.ts";
import {
  keySetSource,
  keySetUrl,
  parseKeySet,
  parsePublicKey,
  secretKey,
} from "../../src/authentication/jwt_keys.ts";
import { Remote } from "../../src/authentication/remote.ts";
import type { Verifier } from "../../src/authentication/chain.ts";
import { asking, stillClock, wordsOf } from "./asking.ts";

const NOW = 1_800_000_000;
const SECRET = new TextEncoder().encode("a secret of at least 32 characters");
const options = { extractable: true } as const;
const rsa = await generateKeyPair("RS256", options);
const otherRsa = await generateKeyPair("RS256", options);
const ec = await generateKeyPair("ES256", options);
const ed = await generateKeyPair("EdDSA", options);
const rsaPem = await exportSPKI(rsa.publicKey);

type Claims = Record<string, unknown>;

/** A token for ada that is good for a minute. */
function sign(
  claims: Claims = {},
  { key = SECRET as CryptoKey | Uint8Array, alg = "HS256", kid = undefined as string | undefined } =
    {},
): Promise<string> {
  return new SignJWT({ sub: "ada", exp: NOW + 60, ...claims })
    .setProtectedHeader(kid === undefined ? { alg } : { alg, kid }).sign(key);
}

function verifierOf(more: Partial<JwtOptions> = {}): Verifier {
  return jwtVerifier({
    keys: secretKey(SECRET),
    algorithms: ["HS256"],
    issuers: [],
    audiences: [],
    tolerance: 5_000,
    requireExpiry: true,
    from: "password",
    userClaim: "sub",
    rolesClaim: "roles",
    accessClaim: "acl",
    clientIdClaim: undefined,
    now: stillClock(NOW * 1000).now,
    ...more,
  });
}

function pem(key: string): JwtKeys {
  const keySet = parsePublicKey(key);
  return keySetSource(() => keySet, () => {});
}

async function outcome(verifier: Verifier, token: string, clientId = "pump"): Promise<string> {
  const answer = await verifier.verify(asking("whoever", token, { clientId }));
  const detail = answer.type === "refused" ? ` ${answer.detail}` : "";
  return `${wordsOf(answer)}${detail}`;
}

/** [when, claims, options, outcome] */
const claims: readonly (readonly [string, Claims, Partial<JwtOptions>, RegExp])[] = [
  ["it is good", {}, {}, /^ada$/],
  ["it has roles", { roles: ["a", "b"] }, {}, /^ada \[a b\]$/],
  ["roles are text", { scope: "a  b" }, { rolesClaim: "scope" }, /^ada \[a b\]$/],
  ["roles lie deep", { realm: { roles: ["a"] } }, { rolesClaim: "realm.roles" }, /^ada \[a\]$/],
  ["the claim is a URL", { "https://x.y/r": ["a"] }, { rolesClaim: "https://x.y/r" }, /\[a\]$/],
  ["roles are no names", { roles: [1] }, {}, /^0x86 .*roles/],
  ["a role is the broker's", { roles: ["$broker"] }, {}, /^0x86 .*roles/],
  ["the user is in another claim", { name: "bob" }, { userClaim: "name" }, /^bob$/],
  ["there is no user", { sub: undefined }, {}, /^0x86 .*sub/],
  ["the user is no text", { sub: 7 }, {}, /^0x86 /],
  ["the user is the broker", { sub: "$broker" }, {}, /^0x86 /],
  ["the claim is a property of all objects", {}, { userClaim: "constructor.name" }, /^0x86 /],
  ["it has expired", { exp: NOW - 6 }, {}, /^0x86 .*"exp"/],
  ["it has expired within the tolerance", { exp: NOW - 4 }, {}, /^ada$/],
  ["it never expires", { exp: undefined }, {}, /^0x86 .*"exp"/],
  ["it may never expire", { exp: undefined }, { requireExpiry: false }, /^ada$/],
  ["exp is text", { exp: "tomorrow" }, {}, /^0x86 /],
  ["it is not good yet", { nbf: NOW + 6 }, {}, /^0x86 .*"nbf"/],
  ["the issuer is right", { iss: "us" }, { issuers: ["them", "us"] }, /^ada$/],
  ["the issuer is another", { iss: "we" }, { issuers: ["us"] }, /^0x86 .*"iss"/],
  ["there is no issuer", {}, { issuers: ["us"] }, /^0x86 .*"iss"/],
  ["the audience is right", { aud: ["x", "mqtt"] }, { audiences: ["mqtt"] }, /^ada$/],
  ["the audience is another", { aud: "web" }, { audiences: ["mqtt"] }, /^0x86 .*"aud"/],
  ["there is no audience", {}, { audiences: ["mqtt"] }, /^0x86 .*"aud"/],
  ["it has rules", { acl: [{ permission: "deny", topics: "a" }] }, {}, /^ada$/],
  ["it has no rules", { acl: [] }, {}, /^ada$/],
  ["its rules are null", { acl: null }, {}, /^ada$/],
  ["its rules are no list", { acl: "all" }, {}, /^0x86 its token .* claim acl is no list/],
  [
    "a rule is wrong",
    { acl: [{ permission: "deny", topics: "a#" }] },
    {},
    /claim acl\[0\]\.topics/,
  ],
  ["rules lie deep", { mqtt: { acl: [1] } }, { accessClaim: "mqtt.acl" }, /claim mqtt\.acl\[0\]/],
  ["the claim is not looked at", { acl: "all" }, { accessClaim: "rules" }, /^ada$/],
  ["the client id is right", { cid: "pump" }, { clientIdClaim: "cid" }, /^ada$/],
  ["the client id is another", { cid: "panel" }, { clientIdClaim: "cid" }, /^0x86 .*cid/],
  ["there is no client id", {}, { clientIdClaim: "cid" }, /^0x86 .*cid/],
];

for (const [when, payload, more, words] of claims) {
  Deno.test(`jwtVerifier() says ${words.source} of a token when ${when}`, async () => {
    assert.match(await outcome(verifierOf(more), await sign(payload)), words);
  });
}

Deno.test("jwtVerifier() gives the identity the rules of its token", async () => {
  const rulesOf = async (acl: unknown) => {
    const answer = await verifierOf().verify(asking("x", await sign({ acl })));
    return answer.type === "accepted" ? answer.identity.rules : answer;
  };
  const ours = [{ name: "a", permission: "deny", topics: ["a/#"], qos: 0 }];
  assert.deepEqual(await rulesOf(ours), ours);
  const emqx = [{ permission: "allow", action: "subscribe", topic: "eq t/#" }];
  assert.deepEqual(await rulesOf(emqx), [
    { permission: "allow", action: "subscribe", qos: undefined, topics: "=t/#" },
  ]);
  assert.deepEqual(await rulesOf([]), []);
  assert.equal(await rulesOf(undefined), undefined);
});

Deno.test("jwtVerifier() lets the identity last as long as the token and the tolerance", async () => {
  const answer = await verifierOf().verify(asking("x", await sign()));
  assert.equal(answer.type === "accepted" && answer.expiresAt, (NOW + 65) * 1000);
});

Deno.test("jwtVerifier() leaves to others what is no token", async () => {
  const verifier = verifierOf();
  const header = (value: unknown) => btoa(JSON.stringify(value)).replace(/=+$/, "");
  for (
    const password of [
      undefined,
      "",
      "pencil",
      "a.b.c",
      `${header({ typ: "JWT" })}.a.b`,
      `${header(["alg"])}.a.b`,
      `${header({ alg: "HS256" })}.a`,
      `${header({ alg: "HS256" })}.a.b.c.d`,
      Uint8Array.of(0xff, 0xfe),
    ]
  ) {
    assert.equal(wordsOf(await verifier.verify(asking("ada", password))), "unknown");
  }
  assert.equal(wordsOf(await verifierOf({ from: "username" }).verify(asking(await sign()))), "ada");
});

const header = (value: unknown) =>
  btoa(JSON.stringify(value)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

Deno.test("jwtVerifier() refuses a token with alg none, however it is written", async () => {
  const unsigned = new UnsecuredJWT({ sub: "ada", exp: NOW + 60 }).encode();
  const [, payload] = unsigned.split(".");
  const [, , signature] = (await sign()).split(".");
  for (const verifier of [verifierOf(), verifierOf({ keys: pem(rsaPem), algorithms: ["RS256"] })]) {
    for (const alg of ["none", "None", "NONE", "nOnE", "", null, 0]) {
      for (const end of ["", signature!]) {
        const token = `${header({ alg })}.${payload}.${end}`;
        assert.match(await outcome(verifier, token), /^0x86 /, token);
      }
    }
  }
});

Deno.test("jwtVerifier() refuses a token that was signed with the public key as if it were a secret", async () => {
  const token = await sign({}, { key: new TextEncoder().encode(rsaPem) });
  const spki = createPublicKey(rsaPem).export({ type: "spki", format: "der" });
  const binary = await sign({}, { key: new Uint8Array(spki) });
  const jwk = { ...await exportJWK(rsa.publicKey), kid: "1" };
  const keySet = parseKeySet(JSON.stringify({ keys: [jwk] }));
  for (const keys of [pem(rsaPem), keySetSource(() => keySet, () => {})]) {
    for (const algorithms of [["RS256"], ["RS256", "PS256", "ES256", "EdDSA"]]) {
      assert.match(await outcome(verifierOf({ keys, algorithms }), token), /^0x86 .*"alg"/);
      assert.match(await outcome(verifierOf({ keys, algorithms }), binary), /^0x86 .*"alg"/);
    }
    // Even where somebody lists the algorithm, a public key does not become a secret.
    const algorithms = ["HS256", "RS256"];
    assert.match(await outcome(verifierOf({ keys, algorithms }), token), /^0x86 /);
  }
});

Deno.test("jwtVerifier() refuses what was changed, signed by another, or brings a key of its own", async () => {
  const token = await sign();
  const [head, payload, signature] = token.split(".");
  const forged = header({ sub: "root", exp: NOW + 60 });
  const verifier = verifierOf();
  assert.match(await outcome(verifier, `${head}.${forged}.${signature}`), /^0x86 .*signature/);
  assert.match(await outcome(verifier, `${head}.${payload}.`), /^0x86 /);
  assert.match(
    await outcome(verifier, `${head}.${payload}.${"A".repeat(20_000)}`),
    /^0x86 .*16384/,
  );
  assert.match(await outcome(verifier, await sign({}, { alg: "HS512" })), /^0x86 .*"alg"/);
  const stranger = new TextEncoder().encode("another secret of many characters");
  assert.match(await outcome(verifier, await sign({}, { key: stranger })), /^0x86 .*signature/);
  const publicVerifier = verifierOf({ keys: pem(rsaPem), algorithms: ["RS256"] });
  const own = await new SignJWT({ sub: "root", exp: NOW + 60 })
    .setProtectedHeader({
      alg: "RS256",
      jwk: await exportJWK(otherRsa.publicKey),
      jku: "http://127.0.0.1:1/keys",
    }).sign(otherRsa.privateKey);
  assert.match(await outcome(publicVerifier, own), /^0x86 .*signature/);
  const critical = await new SignJWT({ sub: "ada", exp: NOW + 60 })
    .setProtectedHeader({ alg: "HS256", crit: ["x"], x: 1 } as { alg: string })
    .sign(SECRET, { crit: { x: true } });
  assert.match(await outcome(verifier, critical), /^0x86 /);
});

Deno.test("parsePublicKey() takes RSA, EC and Ed25519 keys, each for its algorithms", async () => {
  const algorithms = ["RS256", "ES256", "EdDSA"];
  for (const [key, alg] of [[rsa, "RS256"], [ec, "ES256"], [ed, "EdDSA"]] as const) {
    const keys = pem(await exportSPKI(key.publicKey));
    for (const kid of [undefined, "any"]) {
      const token = await sign({}, { key: key.privateKey, alg, kid });
      assert.equal(await outcome(verifierOf({ keys, algorithms }), token), "ada", alg);
    }
    const others = algorithms.filter((each) => each !== alg);
    const token = await sign({}, { key: key.privateKey, alg });
    assert.match(await outcome(verifierOf({ keys, algorithms: others }), token), /^0x86 .*"alg"/);
  }
  const privatePem = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----";
  assert.throws(() => parsePublicKey(privatePem), /private key/);
  assert.throws(() => parsePublicKey("pencil"), /no public key/);
});

Deno.test("parseKeySet() says what is wrong with a text that is no set", () => {
  for (const text of ["", "[]", "{}", '{"keys": {}}', '{"keys": [1]}']) {
    assert.throws(() => parseKeySet(text), /found/, text);
  }
  assert.throws(() => parseKeySet(JSON.stringify({ keys: new Array(101).fill({}) })), /100/);
});

/** A server of keys whose answer the test sets. */
function keyServer() {
  const state = {
    answer: () => new Response("{}", { status: 500 }) as Response | Promise<Response>,
    asked: 0,
  };
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, () => {
    state.asked += 1;
    return state.answer();
  });
  return {
    state,
    url: `http://127.0.0.1:${server.addr.port}/keys.json`,
    stop: () => server.shutdown(),
  };
}

Deno.test("keySetUrl() follows a rotation, asks no more often than it may, and goes on while the server is away", async () => {
  const server = keyServer();
  const clock = stillClock(NOW * 1000);
  const reasons: string[] = [];
  const remote = new Remote({
    timeout: 5_000,
    largest: 10_000,
    atOnce: 4,
    mostWaiting: 10,
    failures: 100,
    pause: 1_000,
    authorities: [],
    now: clock.now,
    changed() {},
  });
  const keys = keySetUrl({
    url: server.url,
    remote,
    cached: 600_000,
    cooldown: 30_000,
    now: clock.now,
    failed: (reason) => reasons.push(reason),
  });
  const verifier = verifierOf({ keys, algorithms: ["RS256"], now: clock.now });
  const serveKeys = async (...named: [string, CryptoKey][]) => {
    const set = await Promise.all(
      named.map(async ([kid, key]) => ({ ...await exportJWK(key), kid, alg: "RS256" })),
    );
    server.state.answer = () => Response.json({ keys: set });
  };
  const exp = NOW + 100_000;
  const first = await sign({ exp }, { key: rsa.privateKey, alg: "RS256", kid: "1" });
  const second = await sign({ exp }, { key: otherRsa.privateKey, alg: "RS256", kid: "2" });
  try {
    assert.match(await outcome(verifier, first), /^0x88 /); // it says 500
    assert.deepEqual(reasons, ["status 500"]);
    assert.match(await outcome(verifier, first), /^0x88 /);
    assert.equal(server.state.asked, 1); // not at once again
    await serveKeys(["1", rsa.publicKey]);
    clock.at += 1_000;
    const both = await Promise.all([outcome(verifier, first), outcome(verifier, first)]);
    assert.deepEqual([...both, server.state.asked], ["ada", "ada", 2]);

    await serveKeys(["1", rsa.publicKey], ["2", otherRsa.publicKey]);
    assert.match(await outcome(verifier, second), /^0x86 /);
    assert.equal(server.state.asked, 2); // within the cooldown
    clock.at += 30_000;
    assert.deepEqual([await outcome(verifier, second), server.state.asked], ["ada", 3]);

    await serveKeys(["2", otherRsa.publicKey]); // the first one is withdrawn
    assert.equal(await outcome(verifier, first), "ada");
    clock.at += 600_000;
    assert.match(await outcome(verifier, first), /^0x86 /);

    server.state.answer = () => new Response("gone", { status: 502 });
    clock.at += 600_000;
    assert.equal(await outcome(verifier, second), "ada");
    server.state.answer = () => Response.json({ keys: "no list" });
    clock.at += 600_000;
    assert.equal(await outcome(verifier, second), "ada");
    server.state.answer = () => Response.redirect(server.url.replace("keys", "other"));
    clock.at += 600_000;
    assert.equal(await outcome(verifier, second), "ada");
    assert.deepEqual(reasons.slice(1).map((reason) => reason.slice(0, 10)), [
      "status 502",
      "found no l",
      "status 302",
    ]);
  } finally {
    verifier.close?.();
    await server.stop();
  }
});
