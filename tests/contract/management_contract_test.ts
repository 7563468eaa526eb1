/**
 * The contract of management over MQTT, at a desk; and that it has a row for every command and refusal.
 */

import assert from "node:assert/strict";
import { managementCommands } from "../../src/server/services.ts";
import { Asker, openControlDesk } from "../service/control_desk.ts";
import { managementContract, rows } from "./management_contract.ts";

managementContract("MQTT", async () => {
  const shell = await openControlDesk({});
  const asker = await Asker.connect(shell.desk);
  // The asker has a session of its own, which is nobody's business.
  return {
    async ask(command, input) {
      return withoutAsker(await asker.ask(command, input));
    },
    async connect(clientId, username) {
      await shell.desk.keep(clientId, 5, { username });
    },
    close: () => shell.desk.clear(),
  };
});

/** The reply as if nobody had asked. */
function withoutAsker(reply: unknown): unknown {
  return JSON.parse(JSON.stringify(reply), function (key, value) {
    if (key === "sessions" && Array.isArray(value)) {
      return value.filter(({ clientId }) => !String(clientId).startsWith("~asker"));
    }
    return key === "sessions" && typeof value === "number" ? value - 1 : value;
  });
}

Deno.test("managementContract() has rows for what every command does and refuses", () => {
  const does = new Set(rows.filter(({ data }) => data !== undefined).map(({ command }) => command));
  const dry = new Set(
    rows.filter(({ input }) => input?.["dryRun"] === true).map(({ command }) => command),
  );
  const refuses = new Set(
    rows.filter(({ refused }) => refused !== undefined).map(({ command }) => command),
  );
  for (const { name, changes } of managementCommands.values()) {
    if (name === "reload") continue; // needs a file: end_to_end/management_test.ts
    assert.ok(refuses.has(name), `no row in which ${name} is refused`);
    if (name.startsWith("trace") && changes) continue; // goes on after its reply: service/trace/
    assert.ok(does.has(name), `no row in which ${name} does something`);
    if (changes) assert.ok(dry.has(name), `no row in which ${name} is a dry run`);
  }
  for (const { command } of rows) {
    assert.ok(managementCommands.has(command) || command === "sessions/fly");
  }
});

for (const { name, help, example, input } of managementCommands.values()) {
  Deno.test(`${name} has an example that its schema takes`, () => {
    assert.ok(input.safeParse(example).success, JSON.stringify(input.safeParse(example).error));
    assert.match(help, /^[a-z]/);
    assert.doesNotMatch(help, /\.$/);
    for (const [key, of] of Object.entries(input.shape)) {
      assert.ok((of as { description?: string }).description, `${key} is not described`);
    }
  });
}
