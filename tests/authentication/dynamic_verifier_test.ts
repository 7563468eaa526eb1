import assert from "node:assert/strict";
import type { DynamicLogin } from "../../src/authentication/dynamic_verifier.ts";
import { dynamicVerifier } from "../../src/authentication/dynamic_verifier.ts";
import { formatPasswordHash, hashPassword } from "../../src/authentication/password_hash.ts";
import { Reason } from "../../src/packet/reason_code.ts";
import type { Credentials } from "../../src/policy/identity.ts";

const UTF8 = new TextEncoder();

async function login(password: string, more: Partial<DynamicLogin> = {}): Promise<DynamicLogin> {
  const hash = await hashPassword(UTF8.encode(password), 101);
  return { password: formatPasswordHash(hash), clientId: undefined, disabled: false, ...more };
}

function credentials(username?: string, password?: string, clientId = "c"): Credentials {
  return {
    clientId,
    username,
    password: password === undefined ? undefined : UTF8.encode(password),
    authenticationMethod: undefined,
    authenticationData: undefined,
    protocolVersion: 5,
    peer: { address: "127.0.0.1:1", listener: "l", anonymousAllowed: true },
  };
}

/** A verifier over a map that may change. */
function over(clients: Map<string, DynamicLogin>, remembered = 0) {
  return dynamicVerifier({
    find: (username) => clients.get(username),
    atOnce: 1,
    mostWaiting: 10,
    remembered,
    mostRemembered: 10,
    iterations: 101,
    now: () => 0,
  });
}

/** [user name, password, client id, what comes of it] */
const table: readonly (readonly [
  string | undefined,
  string | undefined,
  string,
  "accepted" | "unknown" | number,
])[] = [
  ["anna", "a", "c", "accepted"],
  ["anna", "b", "c", Reason.badUserNameOrPassword],
  ["anna", "", "c", Reason.badUserNameOrPassword],
  ["anna", undefined, "c", "unknown"],
  [undefined, "a", "c", "unknown"],
  ["nobody", "a", "c", "unknown"],
  ["bound", "a", "own", "accepted"],
  ["bound", "a", "c", Reason.notAuthorized],
  ["bound", "b", "c", Reason.badUserNameOrPassword],
  ["disabled", "a", "c", Reason.notAuthorized],
  ["disabled", "b", "c", Reason.badUserNameOrPassword],
  ["unset", "", "c", Reason.badUserNameOrPassword],
];
for (const [username, password, clientId, expected] of table) {
  Deno.test(`dynamicVerifier() answers ${expected} to ${username} with ${password} as ${clientId}`, async () => {
    const clients = new Map([
      ["anna", await login("a")],
      ["bound", await login("a", { clientId: "own" })],
      ["disabled", await login("a", { disabled: true })],
      ["unset", await login("a", { password: undefined })],
    ]);
    const answer = await over(clients).verify(credentials(username, password, clientId));
    assert.equal(answer.type === "refused" ? answer.reason : answer.type, expected);
  });
}

Deno.test("dynamicVerifier() remembers a right password until it is another one", async () => {
  const clients = new Map([["anna", await login("a")]]);
  const verifier = over(clients, 1_000);
  assert.equal((await verifier.verify(credentials("anna", "a"))).type, "accepted");
  const again = verifier.verify(credentials("anna", "a"));
  assert.ok(!(again instanceof Promise));
  assert.equal(again.type, "accepted");
  clients.set("anna", await login("b"));
  assert.equal((await verifier.verify(credentials("anna", "a"))).type, "refused");
  clients.set("anna", { ...await login("b"), disabled: true });
  assert.equal((await verifier.verify(credentials("anna", "b"))).type, "refused");
});

Deno.test("dynamicVerifier() refuses a password that was changed while it was looked at", async () => {
  const clients = new Map([["anna", await login("a")]]);
  const other = await login("b");
  const answer = over(clients).verify(credentials("anna", "a"));
  clients.set("anna", other);
  assert.equal((await answer).type, "refused");
});
