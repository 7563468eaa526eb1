/** What holds on one listener only: versions of MQTT and limits. Sections 3.1.2.2 and 3.2.2.3. */

import assert from "node:assert/strict";
import type { ProtocolVersion } from "../../src/packet/packet.ts";
import type { Limits } from "../../src/policy/limits.ts";
import type { Rules } from "../../src/policy/rules.ts";
import { defaultRules } from "../../src/policy/rules.ts";
import { Desk } from "./desk.ts";
import { connectPacket, publishPacket, subscribePacket } from "./packets.ts";

/** The listener that a desk's links come by. */
const HERE = "desk";

function listeners(
  name: string,
  versions: readonly ProtocolVersion[],
  limits: Partial<Limits> = {},
): ReadonlyMap<string, Rules> {
  return new Map([
    [name, { ...defaultRules, versions, limits: { ...defaultRules.limits, ...limits } }],
  ]);
}

const ALL: readonly ProtocolVersion[] = [3, 4, 5];

for (const spoken of ALL) {
  Deno.test(`Broker.step() lets only version ${spoken} in when its listener speaks no other [MQTT-3.1.2-2]`, async () => {
    await Desk.with({ listeners: listeners(HERE, [spoken]) }, async (desk) => {
      for (const protocolVersion of ALL) {
        const client = await desk.dial(protocolVersion);
        await client.send(connectPacket("pump", { protocolVersion }));
        const { reasonCode, sessionPresent } = client.connack;
        assert.equal(sessionPresent, false);
        if (protocolVersion === spoken) assert.equal(reasonCode, 0);
        else assert.equal(reasonCode, 0x84); // read from return code 1 in 3.x
        assert.equal(client.closed, protocolVersion !== spoken);
      }
    });
  });
}

Deno.test("Broker.step() lets every version in when another listener speaks one only", async () => {
  await Desk.with({ listeners: listeners("elsewhere", [5]) }, async (desk) => {
    for (const protocolVersion of ALL) {
      assert.equal((await desk.connect("pump", { protocolVersion })).connack.reasonCode, 0);
    }
  });
});

Deno.test("Broker.step() announces and enforces the limits of the listener", async () => {
  const own = {
    receiveMaximum: 2,
    topicAliasMaximum: 3,
    maximumPacketSize: 5_000,
    maximumKeepAlive: 60,
    topicLevels: 2,
    filtersPerSubscribe: 1,
  };
  await Desk.with({ listeners: listeners(HERE, ALL, own) }, async (desk) => {
    const pump = await desk.connect("pump", { keepAlive: 600 });
    const { properties } = pump.connack;
    assert.deepEqual(
      [properties?.receiveMaximum, properties?.topicAliasMaximum, properties?.maximumPacketSize],
      [2, 3, 5_000],
    );
    assert.equal(properties?.serverKeepAlive, 60);
    await pump.send(publishPacket("a/b/c", "too deep"));
    pump.expect("disconnect 0x90");
    const greedy = await desk.connect("greedy");
    await greedy.send(subscribePacket(1, ["a", 0], ["b", 0]));
    assert.match(greedy.lines().join(), /0x97/);
    const aliased = await desk.connect("aliased");
    await aliased.send(publishPacket("t", "m", { properties: { topicAlias: 4 } }));
    aliased.expect("disconnect 0x94");
    desk.hold(true);
    const quick = await desk.connect("quick");
    desk.hold(false);
    await desk.turn();
    quick.take();
    desk.hold(true);
    for (const packetId of [1, 2, 3]) {
      await quick.send(publishPacket("t", "m", { qos: 2, packetId }));
    }
    assert.match(quick.lines().join(), /disconnect 0x93/);
  });
});

Deno.test("Broker.step() closes a silent link after the connectTimeout of its listener", async () => {
  await Desk.with({ listeners: listeners(HERE, ALL, { connectTimeout: 2 }) }, async (desk) => {
    const silent = await desk.dial();
    await desk.pass(1.9);
    assert.equal(silent.closed, false);
    await desk.pass(0.2);
    assert.equal(silent.closed, true);
  });
});
