/** What happens on machines with and without the tools: setting up, and the tests that need them. */

import assert from "node:assert/strict";
import { setUp } from "../setup.ts";
import type { Tool } from "./tools.ts";
import { tools, toolTest } from "./tools.ts";

/** Sets up a pretended machine; what it said and ran. */
async function settingUp(
  { present, debianRoot, fails }: {
    readonly present: readonly Tool[];
    readonly debianRoot: boolean;
    readonly fails?: string;
  },
): Promise<{ said: string[]; ran: string[] }> {
  const said: string[] = [];
  const ran: string[] = [];
  await setUp({
    debianRoot,
    has: (name) => present.includes(name),
    run(...command) {
      ran.push(command.join(" "));
      return Promise.resolve({ success: command[1] !== fails, output: "E: no network\n" });
    },
    say: (line) => said.push(line),
  });
  return { said, ran };
}

Deno.test("setUp() runs and says nothing when every tool is there", async () => {
  const present = Object.keys(tools) as Tool[];
  assert.deepEqual(await settingUp({ present, debianRoot: true }), { said: [], ran: [] });
});

Deno.test("setUp() installs each missing package once when it is root on Debian", async () => {
  const present = Object.keys(tools).filter((name) =>
    !/^mosquitto_[ps]ub$|^paho$/.test(name)
  ) as Tool[];
  assert.deepEqual(await settingUp({ present, debianRoot: true }), {
    said: ["installing mosquitto-clients python3-paho-mqtt"],
    ran: [
      "apt-get update",
      "apt-get install -y --no-install-recommends mosquitto-clients python3-paho-mqtt",
    ],
  });
});

Deno.test("setUp() only names what is missing when it is not root on Debian", async () => {
  const { said, ran } = await settingUp({
    present: Object.keys(tools).filter((name) => name !== "paho") as Tool[],
    debianRoot: false,
  });
  assert.deepEqual(ran, []);
  assert.deepEqual(said, [
    "missing for the tests: paho (Debian: apt-get install python3-paho-mqtt)",
  ]);
});

Deno.test("setUp() shows the output and goes on when apt-get fails", async () => {
  const { said, ran } = await settingUp({ present: [], debianRoot: true, fails: "update" });
  assert.deepEqual(ran, ["apt-get update"]);
  assert.deepEqual(said.slice(1, 2), ["E: no network"]);
  assert.match(said[2]!, /^apt-get update failed; tests that need mosquitto, /);
});

/** What `toolTest` registers where mosquitto_sub is the only tool. */
function registered(needed: readonly Tool[], ci: boolean) {
  const tests: { readonly name: string; readonly ignore?: boolean; readonly fn: () => unknown }[] =
    [];
  toolTest(needed, "a title", () => {}, {
    ci,
    find: (name) => name === "mosquitto_sub" ? "/bin/mosquitto_sub" : undefined,
    register: (test) => tests.push(test),
  });
  assert.equal(tests.length, 1);
  return tests[0]!;
}

Deno.test("toolTest() registers an ordinary test when its tools are there", () => {
  const { name, ignore } = registered(["mosquitto_sub"], false);
  assert.deepEqual([name, ignore], ["a title", undefined]);
});

Deno.test("toolTest() registers an ignored test with the tool's name when it is missing", () => {
  const { name, ignore } = registered(["mosquitto_sub", "paho"], false);
  assert.deepEqual([name, ignore], ["a title [needs paho]", true]);
});

Deno.test("toolTest() registers a failing test when a tool is missing and CI is true", () => {
  const { name, ignore, fn } = registered(["paho"], true);
  assert.deepEqual([name, ignore], ["a title [needs paho]", undefined]);
  assert.throws(fn, /paho is missing/);
});
