/** A request that is half done when the process dies: nothing of it has happened, and of those beside it no part. */

import assert from "node:assert/strict";
import {
  dynamicSecurityService,
  dynamicSecurityTopic,
} from "../../src/service/dynamic_security/service.ts";
import type { Service } from "../../src/service/service.ts";
import type { ControlDeskOptions, Shell } from "./control_desk.ts";
import { Asker, atControlDesk, publishPacket } from "./control_desk.ts";

/** Over the rules of the desk it lays nothing: who may ask is another test's. */
const { rules: _, ...withoutRules } = dynamicSecurityService;
const services = () => [withoutRules as Service];

function test(
  name: string,
  work: (shell: Shell) => Promise<void>,
  options: ControlDeskOptions = {},
) {
  Deno.test(name, () => atControlDesk({ services, ...options }, work));
}

/** Sends a request, and says what answers came to it so far. */
async function send(asker: Asker, responseTopic: string, ...commands: readonly unknown[]) {
  await asker.caller.send(
    publishPacket(dynamicSecurityTopic, JSON.stringify({ commands }), {
      properties: { responseTopic },
    }),
  );
  return () =>
    asker.caller.packets.flatMap((packet) =>
      packet.type === "publish" && packet.topic === responseTopic
        ? [JSON.parse(new TextDecoder().decode(packet.payload)).responses]
        : []
    );
}

/** The settings that are durable; `changes` of the general one left out. */
async function durable({ desk }: Shell): Promise<Record<string, unknown>> {
  const settings: Record<string, unknown> = {};
  for await (const record of desk.disk.index()) {
    if (record.type !== "setting") continue;
    settings[record.name.replace("dynamic-security/", "")] = JSON.parse(record.value);
  }
  return settings;
}

const createClient = (username: string, password?: string) => ({
  command: "createClient",
  username,
  ...(password === undefined ? {} : { password }),
});

/** The oldest of the tasks that are held ends. */
async function goOn(shell: Shell): Promise<void> {
  shell.held!.shift()!();
  await shell.desk.turn();
}

for (const hashed of [0, 1, 2]) {
  test(`take() has done nothing of a request when a crash comes with ${hashed} of 3 passwords hashed`, async (shell) => {
    shell.held = [];
    const asker = await Asker.connect(shell.desk);
    const answers = await send(
      asker,
      "r",
      { command: "createRole", rolename: "r1" },
      createClient("a", "1"),
      createClient("b"),
      createClient("c", "2"),
      { command: "setClientPassword", username: "b", password: "3" },
    );
    for (let i = 0; i < hashed; i++) await goOn(shell);
    assert.deepEqual(answers(), []);
    await shell.desk.restart();
    assert.deepEqual(await durable(shell), {});
  });
}

test("take() writes a request in one persist when its last password is hashed", async (shell) => {
  shell.held = [];
  const { desk } = shell;
  const asker = await Asker.connect(desk);
  const answers = await send(asker, "r", createClient("a", "1"), createClient("b", "2"));
  const persists: string[][] = [];
  const { broker } = desk;
  desk.runtime.watch({
    step(event, now) {
      const effects = broker.step(event, now);
      for (const effect of effects) {
        if (effect.type !== "persist") continue;
        const names = effect.writes.flatMap((write) =>
          write.type === "putSetting" ? write.name : []
        );
        if (names.length > 0) persists.push(names.sort());
      }
      return effects;
    },
  });
  await goOn(shell);
  await goOn(shell);
  const all = ["client/a", "client/b", "general"].map((name) => `dynamic-security/${name}`);
  assert.deepEqual(persists, [all]);
  assert.equal(answers().length, 1);
  const { "client/a": a, "client/b": b } = await durable(shell) as Record<
    string,
    { password: string }
  >;
  assert.deepEqual([a!.password, b!.password], ["hash of 1", "hash of 2"]);
});

test("take() has what others write wait for a request that is half done", async (shell) => {
  shell.held = [];
  const { desk } = shell;
  const asker = await Asker.connect(desk);
  const first = await send(
    asker,
    "first",
    { command: "createRole", rolename: "r1" },
    createClient("a", "1"),
  );
  const second = await send(
    asker,
    "second",
    { command: "addClientRole", username: "a", rolename: "r1" },
  );
  const asked = await send(asker, "asked", { command: "getClient", username: "a" });
  assert.equal(asked().length, 1); // it says what is in force
  assert.deepEqual([first(), second()], [[], []]);
  assert.deepEqual(await durable(shell), {});
  await goOn(shell);
  assert.equal(first().length, 1);
  assert.equal(second().length, 1);
  const settings = await durable(shell);
  assert.deepEqual(settings["client/a"], {
    password: "hash of 1",
    roles: [{ rolename: "r1" }],
    groups: [],
  });
  assert.ok("role/r1" in settings);
});

test("take() answers none when requests overlap until the last is done", async (shell) => {
  shell.held = [];
  const asker = await Asker.connect(shell.desk);
  const first = await send(asker, "first", createClient("a", "1"));
  const second = await send(asker, "second", createClient("b", "2"));
  await goOn(shell);
  assert.deepEqual([first(), second()], [[], []]);
  assert.deepEqual(await durable(shell), {});
  await goOn(shell);
  assert.deepEqual([first().length, second().length], [1, 1]);
  const third = await send(asker, "third", createClient("c"));
  assert.equal(third().length, 1);
  assert.deepEqual(Object.keys(await durable(shell)).sort(), [
    "client/a",
    "client/b",
    "client/c",
    "general",
  ]);
});

test(
  "take() does nothing of a request when managementTasks are under way",
  async (shell) => {
    shell.held = [];
    const asker = await Asker.connect(shell.desk);
    const first = await send(asker, "first", createClient("a", "1"), createClient("b", "2"));
    const second = await send(asker, "second", createClient("c", "3"));
    assert.match(second()[0][0].error, /1 requests that take time are under way/);
    const asked = await send(asker, "asked", { command: "listClients" });
    assert.deepEqual(asked()[0][0].data.clients, ["a", "b"]);
    await goOn(shell);
    await goOn(shell);
    assert.deepEqual(first()[0].map(({ error }: { error?: string }) => error), [
      undefined,
      undefined,
    ]);
    const third = await send(asker, "third", createClient("c", "3"));
    await goOn(shell);
    assert.equal(third()[0][0].error, undefined);
  },
  { limits: { managementTasks: 1 } },
);
