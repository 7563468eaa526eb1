import assert from "node:assert/strict";
import { anonymousOnly, withMethods } from "../../src/authentication/authenticator.ts";
import { Exchanges } from "../../src/authentication/exchanges.ts";
import type { Method } from "../../src/authentication/method.ts";
import type { Credentials, Verdict } from "../../src/policy/identity.ts";
import { ANONYMOUS } from "../../src/policy/identity.ts";

const MORE: Verdict = { type: "continue", data: undefined };

function by(method: string | undefined, data: number[] = []): Credentials {
  return {
    clientId: "pump",
    username: undefined,
    password: undefined,
    authenticationMethod: method,
    authenticationData: Uint8Array.from(data),
    protocolVersion: 5,
    peer: { address: "a", listener: "l", anonymousAllowed: true },
  };
}

/** Accepts the step whose data are as many bytes as there were steps before, 3 at most. */
function counting(name: string): Method {
  return {
    name,
    begin() {
      let steps = 0;
      return {
        step(data) {
          if (data?.[0] === 255) throw new Error("broken");
          if (data?.[0] === 254) return Promise.reject(new Error("broken"));
          if (data?.[0] === 253) return Promise.resolve(MORE);
          steps += 1;
          return steps < 3 ? MORE : { type: "accepted", identity: { user: name, roles: [] } };
        },
      };
    },
  };
}

function exchanges(): Exchanges {
  return new Exchanges(withMethods(anonymousOnly, [counting("A"), counting("B")]));
}

Deno.test("Exchanges keeps an exchange for each connection until it is over", async () => {
  const all = exchanges();
  assert.deepEqual(await all.verdictOn(1, "first", by("A")), MORE);
  assert.deepEqual(await all.verdictOn(2, "first", by("B")), MORE);
  assert.deepEqual(await all.verdictOn(1, "next", by("A")), MORE);
  assert.equal(all.size, 2);
  const accepted = { type: "accepted", identity: { user: "A", roles: [] } };
  assert.deepEqual(await all.verdictOn(1, "next", by("A")), accepted);
  assert.equal(all.size, 1);
  all.forget(2);
  assert.equal(all.size, 0);
});

Deno.test("Exchanges begins anew when the step is the first", async () => {
  const all = exchanges();
  await all.verdictOn(1, "first", by("A"));
  await all.verdictOn(1, "next", by("A"));
  assert.deepEqual(await all.verdictOn(1, "first", by("A")), MORE);
  assert.deepEqual(await all.verdictOn(1, "next", by("A")), MORE);
});

Deno.test("Exchanges asks the plain authenticator when no method is named", async () => {
  const verdict = await exchanges().verdictOn(1, "first", by(undefined));
  assert.deepEqual(verdict, { type: "accepted", identity: ANONYMOUS });
});

/** [when, step, credentials, Reason Code] */
const refused = [
  ["the method is not on offer", "first", by("C"), 0x8c],
  ["the method is written otherwise", "first", by("a"), 0x8c],
  ["the method is empty", "first", by(""), 0x8c],
  ["nothing is under way", "next", by("A"), 0x88],
  ["the method throws", "first", by("A", [255]), 0x88],
  ["the method rejects", "first", by("A", [254]), 0x88],
] as const;

for (const [when, step, credentials, reason] of refused) {
  Deno.test(`Exchanges refuses with 0x${reason.toString(16)} and keeps nothing when ${when}`, async () => {
    const all = exchanges();
    const verdict = await all.verdictOn(1, step, credentials);
    assert.equal(verdict.type === "refused" && verdict.reason, reason);
    assert.equal(all.size, 0);
  });
}

Deno.test("Exchanges keeps nothing when the connection has gone before a late verdict", async () => {
  const all = exchanges();
  const verdict = all.verdictOn(1, "first", by("A", [253]));
  all.forget(1);
  assert.deepEqual(await verdict, MORE);
  assert.equal(all.size, 0);
});

Deno.test("withMethods() throws when two methods have one name", () => {
  assert.throws(() => withMethods(anonymousOnly, [counting("A"), counting("A")]), /A, A/);
});
