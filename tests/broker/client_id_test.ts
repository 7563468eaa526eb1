/** Client ids: empty, assigned, in use, of somebody else. Sections 3.1.3.1 and 3.1.4. */

import assert from "node:assert/strict";
import type { ProtocolVersion } from "../../src/packet/packet.ts";
import { Desk } from "./desk.ts";
import { connectPacket, subscribePacket } from "./packets.ts";

Deno.test("Broker.step() applies each version's rule when the client id is empty [MQTT-3.1.3-6] [MQTT-3.1.3-7] [MQTT-3.1.3-8] [MQTT-3.2.2-16]", async () => {
  await Desk.with({}, async (desk) => {
    const rows = [
      [3, true, "connack 2"],
      [3, false, "connack 2"],
      [4, true, "connack 0"],
      [4, false, "connack 2"],
      [5, true, "connack 0"],
      [5, false, "connack 0"],
    ] as const;
    for (const [protocolVersion, cleanStart, line] of rows) {
      const caller = await desk.dial(protocolVersion);
      await caller.send(connectPacket("", { protocolVersion, cleanStart }));
      const accepted = line.endsWith("0");
      assert.equal(caller.connack.reasonCode === 0, accepted, `${protocolVersion} ${cleanStart}`);
      assert.equal(caller.closed, !accepted);
      const assigned = caller.connack.properties?.assignedClientIdentifier;
      assert.equal(assigned !== undefined, protocolVersion === 5);
    }
    const ids = [...desk.tables.clients.keys()];
    assert.equal(new Set(ids).size, 3);
    for (const id of ids) assert.match(id, /^dunlin-[0-9a-z]{16}$/);
  });
});

Deno.test("Broker.step() resumes the session of an assigned client id when the client returns with it [MQTT-3.1.3-7]", async () => {
  await Desk.with({}, async (desk) => {
    const first = await desk.keep("");
    const id = first.connack.properties!.assignedClientIdentifier!;
    await first.hangUp();
    const second = await desk.keep(id);
    assert.equal(second.connack.sessionPresent, true);
    assert.equal(second.connack.properties?.assignedClientIdentifier, undefined);
  });
});

for (const version of [3, 4, 5] as readonly ProtocolVersion[]) {
  Deno.test(`Broker.step() refuses a session of another identity when a ${version} client presents its id`, async () => {
    await Desk.with({}, async (desk) => {
      const owner = await desk.keep("panel", 5, { username: "ann" });
      await owner.send(subscribePacket(1, ["t", 1]));
      owner.take();
      for (const cleanStart of [true, false]) {
        const rest = { protocolVersion: version, cleanStart, username: "bob" };
        const thief = await desk.connect("panel", rest);
        assert.equal(thief.closed, true);
        assert.equal(thief.connack.sessionPresent, false); // [MQTT-3.2.2-6]
        assert.equal(thief.connack.reasonCode === 0x87 || thief.connack.reasonCode === 5, true);
      }
      owner.expect();
      assert.equal(owner.closed, false);
      await owner.hangUp();
      const later = await desk.connect("panel", { protocolVersion: version, username: "bob" });
      assert.equal(later.closed, true, "an absent session is not to be had either");
      const again = await desk.keep("panel", 5, { username: "ann" });
      assert.equal(again.connack.sessionPresent, true);
    });
  });
}

Deno.test("Broker.step() lets another identity take the session over when takeover is any", async () => {
  await Desk.with({ takeover: "any" }, async (desk) => {
    const owner = await desk.keep("panel", 5, { username: "ann" });
    owner.take();
    const next = await desk.keep("panel", 5, { username: "bob" });
    owner.expect("disconnect 0x8e");
    assert.equal(next.connack.sessionPresent, true);
    assert.equal(desk.tables.clients.get("panel")!.session.owner.user, "bob");
  });
});

Deno.test("Broker.step() keeps one client a client id when the session would expire while it is being loaded", async () => {
  await Desk.with({}, async (desk) => {
    const properties = { sessionExpiryInterval: 10 };
    await (await desk.keep("panel", 5, { properties })).hangUp();
    await desk.pass(9);
    desk.hold(true);
    const back = await desk.keep("panel", 5, { properties });
    await desk.pass(5);
    await desk.letGo();
    back.expect("connack 0 present");
    const taken = await desk.keep("panel", 5, { properties });
    assert.equal(taken.connack.sessionPresent, true);
    back.expect("disconnect 0x8e");
    assert.equal(desk.tables.connections.size, 1);
  });
});

Deno.test("Broker.step() lets the last of several connections have the session when all wait for the store [MQTT-3.2.0-2]", async () => {
  await Desk.with({}, async (desk) => {
    await (await desk.keep("panel")).hangUp();
    desk.hold(true);
    const first = await desk.keep("panel");
    const second = await desk.keep("panel");
    await desk.letGo();
    first.expect();
    assert.equal(first.closed, true);
    second.expect("connack 0 present");
    assert.equal(second.closed, false);
  });
});
