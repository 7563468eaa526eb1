/** A client whose session is being loaded, while the rules change or management ends it. Section 3.1.4. */

import assert from "node:assert/strict";
import { tiersOf } from "../../src/policy/client_limits.ts";
import { Desk } from "./desk.ts";
import { connectPacket } from "./packets.ts";

const tiers = tiersOf([
  { who: { user: "vip" }, limits: { subscriptionsPerSession: 900 } },
  { limits: { subscriptionsPerSession: 3 } },
]);

Deno.test("Broker.step() gives a client its own limits, and not those of who had the session, when rules change while it is loaded", async () => {
  await Desk.with({ tiers, takeover: "any" }, async (desk) => {
    const before = await desk.keep("c", 5, { username: "vip" });
    await before.hangUp();
    desk.hold(true);
    const after = await desk.dial();
    await after.send(connectPacket("c", { cleanStart: false, username: "eve" }));
    assert.equal(desk.tables.clients.get("c")!.live!.connection.stage, "loading");
    await desk.feed({ type: "rules", rules: { ...desk.rules } });
    desk.hold(false);
    await desk.turn();
    const client = desk.tables.clients.get("c")!;
    assert.equal(client.session.owner.user, "eve");
    assert.equal(client.rules.limits.subscriptionsPerSession, 3);
    assert.equal(client.live!.rules.limits.subscriptionsPerSession, 3);
  });
});

Deno.test("Broker.step() ends a connection that is kicked when its session is being loaded", async () => {
  await Desk.with({}, async (desk) => {
    const before = await desk.keep("c", 5, { username: "u" });
    await before.hangUp();
    desk.hold(true);
    const after = await desk.dial();
    await after.send(connectPacket("c", { cleanStart: false, username: "u" }));
    assert.equal(desk.tables.clients.get("c")!.live!.connection.stage, "loading");
    await desk.feed({ type: "kick", clientId: "c", reason: 0x98 });
    desk.hold(false);
    await desk.turn();
    assert.equal(after.closed, true);
    assert.equal(desk.tables.clients.get("c")!.live, undefined);
    assert.equal(desk.tables.connections.size, 0);
    assert.equal(desk.tables.pending, 0);
    after.take();
    const again = await desk.keep("c", 5, { username: "u" });
    assert.equal(again.connack.sessionPresent, true);
  });
});
