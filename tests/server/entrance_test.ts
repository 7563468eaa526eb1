/** The entrance of another configuration: exchanged where something is new, the same where nothing is. */

import assert from "node:assert/strict";
import type { Entrance } from "../../src/server/entrance.ts";
import { loadConfig } from "../../src/server/config.ts";
import { entranceOf } from "../../src/server/entrance.ts";
import { asking } from "../authentication/asking.ts";

const files = new Map<string, string>();

function readFile(path: string): string {
  const text = files.get(path);
  if (text === undefined) throw new Error(`${path} is not there`);
  return text;
}

function configOf(value: unknown) {
  const text = JSON.stringify(value);
  const loaded = loadConfig({ text, env: () => undefined, readFile });
  assert.ok(loaded.config !== undefined, JSON.stringify(loaded.problems));
  return loaded.config;
}

/** One user of SCRAM, by the name. */
function usersFile(user: string): string {
  return JSON.stringify([{
    user,
    salt: "W22ZaJ0SNY7soEsUEjb6gQ==",
    iterations: 4_096,
    storedKey: "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=",
    serverKey: "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
  }]);
}

const SALT = "W22ZaJ0SNY7soEsUEjb6gQ==";

/** Whether SCRAM knows the user: others get a salt, too, but another one. */
async function knows({ authenticator }: Entrance, user: string): Promise<boolean> {
  const exchange = authenticator.begin!({ ...asking(), authenticationMethod: "SCRAM-SHA-256" })!;
  const first = new TextEncoder().encode(`n,,n=${user},r=0123456789abcdef`);
  const verdict = await exchange.step(first);
  assert.equal(verdict.type, "continue");
  return new TextDecoder().decode(verdict.type === "continue" ? verdict.data : undefined)
    .includes(`s=${SALT},`);
}

const BY_FILE = { store: "memory", authentication: { scram: { file: "users" } } };

Deno.test("prepare() has other users when their file is another one, and only with commit()", async () => {
  files.set("users", usersFile("ada"));
  const config = configOf(BY_FILE);
  const entrance = entranceOf(config, readFile, []);
  const users = async () => [await knows(entrance, "ada"), await knows(entrance, "bob")];
  assert.deepEqual(await users(), [true, false]);
  files.set("users", usersFile("bob"));
  entrance.prepare(config).discard();
  assert.deepEqual(await users(), [true, false]);
  entrance.prepare(config).commit();
  assert.deepEqual(await users(), [false, true]);
  entrance.close();
});

Deno.test("prepare() throws what is wrong and changes nothing when a file is broken", async () => {
  files.set("users", usersFile("ada"));
  const config = configOf(BY_FILE);
  const entrance = entranceOf(config, readFile, []);
  files.set("users", "[{}]");
  assert.throws(() => entrance.prepare(config), /users: error: \[0\]|users:1:2: error/);
  files.delete("users");
  assert.throws(() => entrance.prepare(config), /users/);
  assert.equal(await knows(entrance, "ada"), true);
  entrance.close();
});

Deno.test("prepare() remembers failures unless other limits say what they lead to", async () => {
  const limits = { failureDelay: 0, failuresPerAddress: 2, connectRate: 0 };
  const config = (more: object) => configOf({ limits: { ...limits, ...more } });
  const entrance = entranceOf(config({}), readFile, []);
  const fail = () => entrance.authenticator.verify(asking("ada", "wrong", { anonymous: false }));
  const banned = () => entrance.gate.admit("192.0.2.7:1") === "banned";
  await fail();
  entrance.prepare(config({ receiveMaximum: 9 })).commit();
  assert.equal(banned(), false);
  await fail();
  assert.equal(banned(), true);
  entrance.prepare(config({ failureMemory: 9 })).commit();
  assert.equal(banned(), true);
  entrance.close();
});
