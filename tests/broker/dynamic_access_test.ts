/** Rules of access that change at run time, where the broker asks them: of shared subscriptions the whole filter. */

import assert from "node:assert/strict";
import { compileAutoSubscribe } from "../../src/policy/auto_subscribe.ts";
import type { DynamicAccess } from "../../src/policy/dynamic_access.ts";
import { allSubscriptions } from "../../src/session/subscription_map.ts";
import { Desk } from "./desk.ts";
import { publishPacket, subscribePacket } from "./packets.ts";

/** Denies what is about that text. */
function denying(text: string): DynamicAccess {
  return {
    decide: (_, action, topic, full) => ({
      permitted: action === "connect" || (full ?? topic) !== text,
      rule: `no ${text}`,
      at: 0,
    }),
  };
}

const subscribed = (desk: Desk, clientId: string) =>
  [...allSubscriptions(desk.tables.clients.get(clientId)!.session.subscriptions)]
    .map(({ full }) => full).sort();

Deno.test("Broker.step() denies a shared subscription when the dynamic rules deny its group, and no other", async () => {
  await Desk.with({ dynamic: denying("$share/g/a/#") }, async (desk) => {
    const client = await desk.connect("c");
    await client.send(subscribePacket(1, ["$share/g/a/#", 0], ["$share/h/a/#", 0], ["a/#", 0]));
    assert.match(client.lines().join(), /0x87|135/);
    assert.deepEqual(subscribed(desk, "c"), ["$share/h/a/#", "a/#"]);
  });
});

Deno.test("Broker.step() skips a shared subscription of a rule when the dynamic rules deny its group", async () => {
  const autoSubscribe = compileAutoSubscribe([
    { name: "r", filters: ["$share/g/a", "$share/h/a", "$share/g/${clientid}"] },
  ]);
  await Desk.with({ dynamic: denying("$share/g/a"), autoSubscribe }, async (desk) => {
    await desk.connect("c");
    assert.deepEqual(subscribed(desk, "c"), ["$share/g/c", "$share/h/a"]);
    const skipped = desk.facts.filter(({ type }) => type === "autoSubscribeSkipped");
    assert.equal(skipped.length, 1);
    await desk.connect("a"); // what its name makes of the filter is the same group
    assert.deepEqual(subscribed(desk, "a"), ["$share/h/a"]);
  });
});

Deno.test("Broker.step() keeps a client in a shared subscription when the dynamic rules deny to leave its group", async () => {
  await Desk.with({}, async (desk) => {
    const client = await desk.connect("c");
    await client.send(subscribePacket(1, ["$share/g/a", 0], ["$share/h/a", 0]));
    await desk.feed({ type: "rules", rules: { ...desk.rules, dynamic: denying("$share/g/a") } });
    const filters = ["$share/g/a", "$share/h/a"];
    await client.send({ type: "unsubscribe", packetId: 2, filters, userProperties: undefined });
    assert.deepEqual(subscribed(desk, "c"), ["$share/g/a"]);
  });
});

Deno.test("Broker.step() lets nobody have a session that was made for nobody when the dynamic rules deny what it subscribes to", async () => {
  const dynamic: DynamicAccess = {
    decide: ({ user }, action) => ({
      permitted: action !== "subscribe" || user === "ada",
      rule: "only ada subscribes",
      at: 0,
    }),
  };
  await Desk.with({ dynamic }, async (desk) => {
    await desk.feed({
      type: "provision",
      clientId: "panel",
      owner: { user: undefined, roles: [] },
      expiryInterval: 3600,
      subscriptions: [{
        filter: "secret/#",
        options: {
          qos: 1,
          noLocal: false,
          retainAsPublished: false,
          retainHandling: 0,
          subscriptionIdentifier: undefined,
        },
      }],
    });
    const pump = await desk.connect("pump");
    await pump.send(publishPacket("secret/1", "m", { packetId: 1 }));
    for (const cleanStart of [false, true]) {
      const eve = await desk.keep("panel", 5, { username: "eve", cleanStart });
      assert.equal(eve.connack.reasonCode, 0x87);
      assert.equal(eve.closed, true);
    }
    const ada = await desk.keep("panel", 5, { username: "ada" });
    assert.equal(ada.connack.reasonCode, 0);
    assert.match(ada.packets.map(({ type }) => type).join(), /publish/);
  });
});
