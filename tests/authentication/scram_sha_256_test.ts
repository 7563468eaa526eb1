/** SCRAM-SHA-256, server side: the test vector of RFC 7677, and a table of attacks. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import type { Exchange } from "../../src/authentication/method.ts";
import type { ScramUser } from "../../src/authentication/scram_keys.ts";
import { scramKeys } from "../../src/authentication/scram_keys.ts";
import { scramSha256 } from "../../src/authentication/scram_sha_256.ts";
import { commonShape, secretOf, standIns } from "../../src/authentication/scram_stand_in.ts";
import { Reason } from "../../src/packet/reason_code.ts";
import type { Credentials, Verdict } from "../../src/policy/identity.ts";
import { scramClient } from "./scram_client.ts";

const TO_BYTES = new TextEncoder();
const TO_TEXT = new TextDecoder();

const credentials: Credentials = {
  clientId: "pump",
  username: undefined,
  password: undefined,
  authenticationMethod: "SCRAM-SHA-256",
  authenticationData: undefined,
  protocolVersion: 5,
  peer: { address: "a", listener: "l", anonymousAllowed: false },
};

function userOf(user: string, password: string, roles: readonly string[] = []): ScramUser {
  const salt = new Uint8Array(Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64"));
  return { user, salt, iterations: 4_096, ...scramKeys(password, salt, 4_096), roles };
}

const users = new Map(
  [userOf("user", "pencil", ["writer"]), userOf("a,b=c", "pencil"), userOf("zoë", "naïve")]
    .map((user) => [user.user, user]),
);
const standIn = standIns(TO_BYTES.encode("a secret"), commonShape(users.values()));
const method = scramSha256({ users, standIn });

function begin(): Exchange {
  return method.begin(credentials);
}

/** One step; what SCRAM says is said at once. */
function step(exchange: Exchange, message: string | Uint8Array | undefined): Verdict {
  const data = typeof message === "string" ? TO_BYTES.encode(message) : message;
  const verdict = exchange.step(data);
  assert.ok(!(verdict instanceof Promise));
  return verdict;
}

/** The Authentication Data of a `continue`. */
function more(verdict: Verdict): Uint8Array {
  assert.equal(verdict.type, "continue", JSON.stringify(verdict));
  return verdict.type === "continue" ? verdict.data! : assert.fail();
}

function assertRefused(verdict: Verdict, words: RegExp): void {
  assert.ok(verdict.type === "refused", JSON.stringify(verdict));
  assert.equal(verdict.reason, Reason.notAuthorized);
  assert.match(verdict.detail, words);
  assert.doesNotMatch(verdict.detail, /pencil|naïve/);
}

Deno.test("scramSha256() speaks as RFC 7677 section 3 has it when nonce and salt are its own", () => {
  const nonce = () => "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
  const exchange = scramSha256({ users, standIn, nonce }).begin(credentials);
  const data = more(step(exchange, "n,,n=user,r=rOprNGfwEbeRWgbNEkqO"));
  assert.equal(
    TO_TEXT.decode(data),
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
  );
  const verdict = step(
    exchange,
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0," +
      "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
  );
  assert.ok(verdict.type === "accepted");
  assert.deepEqual(verdict.identity, { user: "user", roles: ["writer"] });
  assert.equal(TO_TEXT.decode(verdict.data), "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
});

/** [when, gs2-header, user name as it is sent, user, password] */
const good = [
  ["the client has no channel binding", "n,,", "user", "user", "pencil"],
  ["the client knows channel binding and sees none on offer", "y,,", "user", "user", "pencil"],
  ["it names itself as the one to act for", "n,a=user,", "user", "user", "pencil"],
  ["the name has a comma and an equals sign", "n,a=a=2Cb=3Dc,", "a,b=c", "a,b=c", "pencil"],
  ["the name is composed", "n,,", "zoë", "zoë", "naïve"],
  ["the name is decomposed (RFC 4013)", "n,,", "zoe\u0308", "zoë", "naïve"],
] as const;

for (const [when, gs2Header, name, user, password] of good) {
  Deno.test(`scramSha256() accepts and proves itself when ${when}`, async () => {
    const client = scramClient({ user: name, password, gs2Header });
    const exchange = begin();
    const final = await client.final(more(step(exchange, client.first)));
    const verdict = step(exchange, final);
    assert.ok(verdict.type === "accepted", JSON.stringify(verdict));
    assert.equal(verdict.identity.user, user);
    client.check(verdict.data);
  });
}

Deno.test("scramSha256() asks for the first message when the client brings none with CONNECT", async () => {
  for (const nothing of [undefined, new Uint8Array(0)]) {
    const client = scramClient({ user: "user", password: "pencil" });
    const exchange = begin();
    assert.deepEqual(step(exchange, nothing), { type: "continue", data: undefined });
    const final = await client.final(more(step(exchange, client.first)));
    assert.equal(step(exchange, final).type, "accepted");
  }
});

/** [what is wrong, the first message, words of the refusal] */
const badFirst: readonly (readonly [string, string | Uint8Array, RegExp])[] = [
  ["nothing of SCRAM", "hello", /form/],
  ["no gs2-header", "n=user,r=abc", /form/],
  ["half a gs2-header", "n,n=user,r=abc", /form/],
  ["a channel binding flag that is none", "q,,n=user,r=abc", /form/],
  ["channel binding, which is not on offer", "p=tls-unique,,n=user,r=abc", /channel binding/],
  ["a mandatory extension", "n,,m=x,n=user,r=abc", /form/],
  ["no user", "n,,r=abc", /form/],
  ["an empty user", "n,,n=,r=abc", /form/],
  ["no nonce", "n,,n=user", /form/],
  ["an empty nonce", "n,,n=user,r=", /form/],
  ["a nonce with a blank", "n,,n=user,r=a b", /form/],
  ["a nonce beyond ASCII", "n,,n=user,r=ä", /form/],
  ["a nonce that is too long", `n,,n=user,r=${"x".repeat(257)}`, /256/],
  ["the order turned round", "n,,r=abc,n=user", /form/],
  ["an equals sign that is not =2C or =3D", "n,,n=us=er,r=abc", /user name/],
  ["=2c in small letters", "n,,n=us=2cer,r=abc", /user name/],
  ["a control character in the user", "n,,n=us\u0001er\u00e9,r=abc", /user name/],
  ["U+0000 in the user", "n,,n=us\0er,r=abc", /form/],
  ["a user of nothing but what is mapped to nothing", "n,,n=\u00ad,r=abc", /user name/],
  ["another one to act for", "n,a=admin,n=user,r=abc", /another user/],
  ["an extension that is none", "n,,n=user,r=abc,1=x", /form/],
  ["a comma at the end", "n,,n=user,r=abc,", /form/],
  ["a line feed at the end", "n,,n=user,r=abc\n", /form/],
  [
    "ill-formed UTF-8",
    Uint8Array.of(0x6e, 0x2c, 0x2c, 0x6e, 0x3d, 0xc3, 0x2c, 0x72, 0x3d, 0x61),
    /form/,
  ],
  ["more bytes than are looked at", `n,,n=${"u".repeat(5_000)},r=abc`, /form/],
];

for (const [what, message, words] of badFirst) {
  Deno.test(`scramSha256() refuses when the first message has ${what}`, () => {
    const exchange = begin();
    assertRefused(step(exchange, message), words);
    assertRefused(step(exchange, "n,,n=user,r=abc"), /over/);
  });
}

Deno.test("scramSha256() passes over optional extensions, which the proof covers all the same", async () => {
  const extensions = ",i=1,x=y"; // nor can a client ask for other iterations
  const client = scramClient({ user: "user", password: "pencil", nonce: "abc", extensions });
  const exchange = begin();
  const data = more(step(exchange, client.first));
  assert.match(TO_TEXT.decode(data), /^r=abc[^,]+,s=[^,]+,i=4096$/);
  assert.equal(step(exchange, await client.final(data)).type, "accepted");
});

type Alter = (final: string) => string;

/** [the attack, what it makes of a right final message, words of the refusal] */
const badFinal: readonly (readonly [string, Alter, RegExp])[] = [
  ["nothing", () => "", /form/],
  ["a wrong proof", (text) => withProof(text, (proof) => proof[0]! ^= 1), /wrong/],
  ["a proof wrong in its last bit", (text) => withProof(text, (proof) => proof[31]! ^= 1), /wrong/],
  ["a proof of zeros", (text) => withProof(text, (proof) => proof.fill(0)), /wrong/],
  ["a proof that is cut", (text) => text.replace(/p=.*/, "p=AAAA"), /32 bytes/],
  ["an empty proof", (text) => text.replace(/p=.*/, "p="), /form/],
  ["no proof", (text) => text.replace(/,p=.*/, ""), /form/],
  ["a proof in base64 without its end", (text) => text.slice(0, -1), /base64/],
  ["base64 with bits to spare", (text) => text.replace(/.=$/, "B="), /base64|wrong/],
  ["a proof that is too long", (text) => text.replace(/p=.*/, `p=${"AAAA".repeat(12)}`), /32/],
  ["its end cut off", (text) => text.slice(0, text.length / 2), /form|base64|32 bytes/],
  ["something behind the proof", (text) => `${text},x=y`, /form/],
  ["two proofs", (text) => `${text},${text.slice(text.indexOf("p="))}`, /form/],
  ["a nonce changed at its end", (text) => text.replace(",p=", "x,p="), /nonce/],
  ["a nonce without the server's part", (text) => text.replace(/r=abc[^,]*/, "r=abc"), /nonce/],
  ["another client's nonce", (text) => text.replace("r=abc", "r=abd"), /nonce/],
  [
    "the gs2-header of a client that has channel binding",
    (text) => text.replace("biws", "eSws"),
    /channel binding/,
  ],
  [
    "the gs2-header of channel binding",
    (text) => text.replace("biws", "cD10bHM="),
    /channel binding/,
  ],
  ["no gs2-header", (text) => text.replace("c=biws,", ""), /form/],
  ["a mandatory extension", (text) => text.replace(",p=", ",m=x,p="), /form/],
  ["an extension that was not signed", (text) => text.replace(",p=", ",x=y,p="), /wrong/],
];

for (const [what, alter, words] of badFinal) {
  Deno.test(`scramSha256() refuses, once and for all, when the final message has ${what}`, async () => {
    const client = scramClient({ user: "user", password: "pencil", nonce: "abc" });
    const exchange = begin();
    const right = await client.final(more(step(exchange, client.first)));
    const wrong = alter(TO_TEXT.decode(right));
    assert.notEqual(wrong, TO_TEXT.decode(right));
    assertRefused(step(exchange, wrong), words);
    assertRefused(step(exchange, right), /over/);
  });
}

function withProof(text: string, change: (proof: Uint8Array) => unknown): string {
  const at = text.lastIndexOf(",p=") + 3;
  const proof = new Uint8Array(Buffer.from(text.slice(at), "base64"));
  change(proof);
  return text.slice(0, at) + Buffer.from(proof).toString("base64");
}

Deno.test("scramSha256() refuses when what was said in one exchange is said again in another", async () => {
  const client = scramClient({ user: "user", password: "pencil", nonce: "abc" });
  const first = begin();
  const final = await client.final(more(step(first, client.first)));
  assert.equal(step(first, final).type, "accepted");
  assertRefused(step(first, final), /over/);
  const second = begin();
  more(step(second, client.first));
  assertRefused(step(second, final), /nonce/);
  const third = begin();
  assertRefused(step(third, final), /form/); // the final message comes first
});

Deno.test("scramSha256() refuses a replay of all messages even when the server's nonce is given anew but the user's salt is not", async () => {
  const recorded = await (async () => {
    const client = scramClient({ user: "user", password: "pencil", nonce: "abc" });
    const exchange = begin();
    const final = await client.final(more(step(exchange, client.first)));
    return { first: client.first, final };
  })();
  const exchange = begin();
  const whole = /r=([^,]+)/.exec(TO_TEXT.decode(more(step(exchange, recorded.first))))![1]!;
  const patched = TO_TEXT.decode(recorded.final).replace(/r=[^,]+/, `r=${whole}`);
  assertRefused(step(exchange, patched), /wrong/);
});

Deno.test("scramSha256() never uses a nonce twice, and begins it with the client's", () => {
  const seen = new Set<string>();
  for (let i = 0; i < 500; i++) {
    const text = TO_TEXT.decode(more(step(begin(), "n,,n=user,r=abc")));
    const [, nonce] = /^r=abc([!-+\--~]{24}),/.exec(text) ?? [];
    assert.ok(nonce !== undefined, text);
    seen.add(nonce);
  }
  assert.equal(seen.size, 500);
});

Deno.test("scramSha256() says the same of a wrong password and of a user who does not exist", async () => {
  const ends: string[] = [];
  const salts: string[] = [];
  for (const user of ["user", "nobody", "nobody", "noone"]) {
    const client = scramClient({ user, password: "guess", nonce: "abc" });
    const exchange = begin();
    const data = more(step(exchange, client.first));
    const [, salt, iterations] = /,s=([^,]+),i=(\d+)$/.exec(TO_TEXT.decode(data))!;
    assert.equal(iterations, "4096");
    assert.equal(Buffer.from(salt!, "base64").length, 16);
    salts.push(salt!);
    const verdict = step(exchange, await client.final(data));
    assertRefused(verdict, /wrong/);
    ends.push(verdict.type === "refused" ? verdict.detail.replace(JSON.stringify(user), "") : "");
  }
  assert.equal(new Set(ends).size, 1);
  assert.equal(salts[1], salts[2]); // whoever asks again is told the same
  assert.equal(new Set(salts).size, 3);
});

Deno.test("scramSha256() refuses a user who does not exist even when the stand-in's keys are known", async () => {
  const made = standIn("ghost");
  const known = userOf("ghost", "pencil");
  const leaky = scramSha256({ users, standIn: () => ({ ...made, ...known }) });
  const client = scramClient({ user: "ghost", password: "pencil" });
  const exchange = leaky.begin(credentials);
  const data = more(step(exchange, client.first));
  assertRefused(step(exchange, await client.final(data)), /wrong/);
});

Deno.test("standIns() changes all salts when the secret does, and secretOf() when a key does", () => {
  const other = standIns(TO_BYTES.encode("another secret"), { iterations: 4_096, saltLength: 16 });
  assert.notDeepEqual(other("x").salt, standIn("x").salt);
  const [first] = users.values();
  assert.deepEqual(secretOf([first!]), secretOf([first!]));
  assert.notDeepEqual(secretOf([first!]), secretOf([{ ...first!, serverKey: first!.storedKey }]));
});

Deno.test("commonShape() is that of most users, and of RFC 7677 when there are none", () => {
  const [user] = users.values();
  const strong = { ...user!, iterations: 20_000, salt: new Uint8Array(24) };
  assert.deepEqual(commonShape([]), { iterations: 4_096, saltLength: 16 });
  assert.deepEqual(commonShape([user!, strong, strong]), { iterations: 20_000, saltLength: 24 });
});

Deno.test("scramClient() of these tests gives up when the server asks for too many or too few iterations", async () => {
  for (const iterations of [1, 4_095, 1_000_000_000]) {
    const client = scramClient({ user: "user", password: "pencil", nonce: "abc" });
    const message = `r=abcdef,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=${iterations}`;
    await assert.rejects(client.final(TO_BYTES.encode(message)), /iterations/);
  }
});

Deno.test("scramSha256() neither throws nor accepts whatever bytes come", () => {
  const piece = fc.constantFrom(
    "n,,",
    "y,,",
    "n=user",
    ",",
    "r=abc",
    "c=biws",
    "p=",
    "=",
    "a=",
    "m=x",
    "AAAA",
    "\0",
  );
  const text = fc.array(piece, { maxLength: 8 }).map((pieces) => TO_BYTES.encode(pieces.join("")));
  const bytes = fc.oneof(fc.uint8Array({ maxLength: 64 }), text);
  fc.assert(
    fc.property(fc.array(bytes, { minLength: 1, maxLength: 4 }), (messages) => {
      const exchange = begin();
      for (const message of messages) {
        const verdict = step(exchange, message);
        assert.notEqual(verdict.type, "accepted");
        if (verdict.type === "refused") return;
      }
    }),
    { numRuns: 2_000 },
  );
});
