/** Identities whose proof runs out, such as a token: the connection ends with it. MQTT 5.0 section 3.14.2.1. */

import assert from "node:assert/strict";
import type { Authenticator } from "../../src/authentication/authenticator.ts";
import { withMethods } from "../../src/authentication/authenticator.ts";
import type { Packet } from "../../src/packet/packet.ts";
import type { Verdict } from "../../src/policy/identity.ts";
import type { Caller } from "./caller.ts";
import { Desk } from "./desk.ts";
import { subscribePacket, willOf } from "./packets.ts";

/** Of whom it knows the desk's clock only by what the test says. */
function lasting(desk: () => Desk): Authenticator {
  const verdict = (seconds: string): Verdict => ({
    type: "accepted",
    identity: { user: "ada", roles: [] },
    expiresAt: seconds === "" ? undefined : desk().now + Number(seconds) * 1000,
  });
  const text = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);
  const plain: Authenticator = { verify: ({ password }) => verdict(text(password)) };
  return withMethods(plain, [{
    name: "M",
    begin: () => ({ step: (data) => verdict(text(data)) }),
  }]);
}

async function atDesk(work: (desk: Desk) => Promise<void>): Promise<void> {
  const place: { desk?: Desk } = {};
  await Desk.with({ authenticator: lasting(() => place.desk!) }, async (desk) => {
    place.desk = desk;
    await work(desk);
  });
}

const bytes = (text: string) => new TextEncoder().encode(text);
const ofMethod = (seconds: string) => ({
  properties: { authenticationMethod: "M", authenticationData: bytes(seconds) },
});

function last(client: Caller): Packet | undefined {
  return client.packets.at(-1);
}

Deno.test("Broker.step() sends DISCONNECT 0xa0 and closes when what proved the identity has run out", async () => {
  await atDesk(async (desk) => {
    const client = await desk.connect("pump", { password: bytes("60") });
    const panel = await desk.connect("panel", { password: bytes("") });
    await desk.pass(59);
    assert.equal(client.closed, false);
    await desk.pass(1);
    assert.equal(client.closed, true);
    const packet = last(client);
    assert.equal(packet?.type === "disconnect" && packet.reasonCode, 0xa0);
    assert.equal(desk.endOf("pump"), "identityExpired");
    await desk.pass(1_000_000);
    assert.equal(panel.closed, false);
  });
});

Deno.test("Broker.step() publishes the Will and keeps the session when the identity has run out", async () => {
  await atDesk(async (desk) => {
    const panel = await desk.connect("panel");
    await panel.send(subscribePacket(1, ["gone/#", 0]));
    await desk.connect("pump", {
      password: bytes("60"),
      will: willOf("gone/pump", "m"),
      properties: { sessionExpiryInterval: 1_000 },
    });
    await desk.pass(60);
    assert.deepEqual(panel.publishes().map(({ topic }) => topic), ["gone/pump"]);
    assert.equal(desk.tables.clients.has("pump"), true);
  });
});

Deno.test("Broker.step() lets nobody stay when the proof has run out before it came", async () => {
  await atDesk(async (desk) => {
    const client = await desk.connect("pump", { password: bytes("-1") });
    await desk.pass(0);
    await desk.pass(1);
    assert.equal(client.closed, true);
    assert.equal(desk.tables.connections.size, 0);
  });
});

Deno.test("Broker.step() closes a client whose session is still being loaded when its identity runs out", async () => {
  await atDesk(async (desk) => {
    const stored = { properties: { sessionExpiryInterval: 1_000 } };
    const first = await desk.connect("pump", stored);
    await first.hangUp();
    desk.hold(true);
    const again = await desk.connect("pump", {
      cleanStart: false,
      password: bytes("5"),
      ...stored,
    });
    await desk.pass(6);
    assert.equal(again.closed, true);
    await desk.letGo();
    desk.hold(false);
    assert.equal(desk.tables.connections.size, 0);
    const third = await desk.connect("pump", { cleanStart: false, ...stored });
    assert.equal(third.connack.reasonCode, 0);
  });
});

Deno.test("Broker.step() lets the connection last as long as the proof of a re-authentication", async () => {
  await atDesk(async (desk) => {
    const longer = await desk.connect("longer", ofMethod("60"));
    const forEver = await desk.connect("ever", ofMethod("60"));
    const shorter = await desk.connect("shorter", ofMethod(""));
    await desk.pass(50);
    for (const [client, seconds] of [[longer, "60"], [forEver, ""], [shorter, "5"]] as const) {
      await client.send({ type: "auth", reasonCode: 0x19, ...ofMethod(seconds) });
      const packet = last(client);
      assert.equal(packet?.type === "auth" && packet.reasonCode, 0);
    }
    await desk.pass(10);
    assert.deepEqual([longer.closed, forEver.closed, shorter.closed], [false, false, true]);
    await desk.pass(50);
    assert.deepEqual([longer.closed, forEver.closed], [true, false]);
  });
});
