/** How a listener takes in links that come faster than anything else happens. */

import assert from "node:assert/strict";
import { listenerOf } from "../../src/transport/deno_link.ts";
import type { Link } from "../../src/transport/transport.ts";

/** A listener whose every accept is ready at once, with a link or with what is thrown. */
function flood(each: () => Deno.Conn): { listener: ReturnType<typeof listenerOf>; taken: number } {
  const seen = { listener: undefined as unknown as ReturnType<typeof listenerOf>, taken: 0 };
  const inner = {
    addr: { transport: "tcp", hostname: "127.0.0.1", port: 1 } as const,
    accept() {
      seen.taken += 1;
      // Without a turn for others this would never end.
      if (seen.taken > 100_000) return new Promise<Deno.Conn>(() => {});
      try {
        return Promise.resolve(each());
      } catch (error) {
        return Promise.reject(error);
      }
    },
    close() {},
  };
  seen.listener = listenerOf(inner, "127.0.0.1:1", () => ({ address: "192.0.2.1:1" }) as Link);
  return seen;
}

/** [what comes] */
const floods: readonly (readonly [string, () => Deno.Conn])[] = [
  ["links", () => ({}) as Deno.Conn],
  ["links that were reset before they were accepted", () => {
    throw new Deno.errors.NotConnected("gone");
  }],
];

for (const [what, each] of floods) {
  Deno.test(`listenerOf() lets others have their turn when ${what} come without end`, async () => {
    const seen = flood(each);
    let open = true;
    const loop = (async () => {
      while (open) if (await seen.listener.accept() === undefined) return;
    })();
    let before = 0;
    for (let turn = 0; turn < 5; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
      assert.ok(seen.taken > before, "none was accepted in a turn");
      assert.ok(seen.taken - before < 1_000, `${seen.taken - before} were accepted in a turn`);
      before = seen.taken;
    }
    open = false;
    seen.listener.close();
    await loop;
  });
}

Deno.test("listenerOf() closes a connection when no link can be made of it", async () => {
  let closed = 0;
  const conn = { close: () => closed += 1 } as unknown as Deno.Conn;
  const addr = { transport: "tcp", hostname: "127.0.0.1", port: 1 } as const;
  const inner = { addr, accept: () => Promise.resolve(conn), close() {} };
  const listener = listenerOf(inner, "127.0.0.1:1", () => {
    throw new Error("Invalid argument (os error 22)"); // of macOS, for an option of one that was reset
  });
  await assert.rejects(listener.accept(), /Invalid argument/);
  assert.equal(closed, 1);
});
