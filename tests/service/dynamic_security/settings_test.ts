import assert from "node:assert/strict";
import fc from "fast-check";
import {
  settingsOf,
  settingText,
  stateOf,
} from "../../../src/service/dynamic_security/settings.ts";
import { emptyState } from "../../../src/service/dynamic_security/state.ts";
import { anyCommand } from "./commands.ts";
import { performWhole, respond } from "./run.ts";

const seen = ["listClients", "listGroups", "listRoles"].map((command) => ({
  command,
  verbose: true,
})).concat([{ command: "getDefaultACLAccess", verbose: false }, {
  command: "getAnonymousGroup",
  verbose: false,
}, { command: "getDetails", verbose: false }]);

Deno.test("stateOf() gives back the state when settings were written as commands said they changed", () => {
  fc.assert(
    fc.property(fc.array(anyCommand, { maxLength: 40 }), (commands) => {
      let state = emptyState;
      const kept = new Map<string, string>();
      for (const command of commands) {
        const performed = performWhole(state, command);
        state = performed.state;
        for (const name of performed.changed) {
          const text = settingText(state, name);
          if (text === undefined) kept.delete(name);
          else kept.set(name, text);
        }
      }
      const restored = stateOf(kept);
      for (const command of seen) {
        assert.deepEqual(respond(restored, command), respond(state, command));
      }
      const all = settingsOf(state);
      kept.set("general", all.get("general")!); // a state that nothing changed has none
      assert.deepEqual(new Map([...kept].sort()), new Map([...all].sort()));
    }),
    { numRuns: 300 },
  );
});

Deno.test("stateOf() names the setting when it makes no sense", () => {
  assert.throws(() => stateOf(new Map([["client/anna", "{"]])), /^Error: client\/anna: /);
  assert.throws(() => stateOf(new Map([["role/r", "[]"]])), /^Error: role\/r: it is no object/);
});
