/**
 * Auto-subscribe through the real program over TCP: devices that never SUBSCRIBE, sessions that wait for their
 * clients, rules that are others after a restart. mosquitto publishes.
 */

import assert from "node:assert/strict";
import type { ProtocolVersion } from "../../src/packet/packet.ts";
import type { BrokerProcess } from "./broker_process.ts";
import { startBroker } from "./broker_process.ts";
import { mosquittoPub } from "./client_process.ts";
import { RawClient } from "./raw.ts";
import { toolTest } from "./tools.ts";

const FLEET = {
  listeners: [{ type: "tcp", port: 0, name: "main" }],
  access: [
    { permission: "deny", action: "subscribe", topics: "secret/#" },
    { permission: "allow" },
  ],
  autoSubscribe: [
    {
      name: "commands",
      filters: [{ filter: "devices/${clientid}/commands", qos: 1 }, "users/${username}"],
    },
    {
      name: "lines",
      who: { clientId: "plant-{line}-*", version: ["3.1.1", "5.0"] },
      pinned: true,
      filters: [{ filter: "lines/${line}/alarms", qos: 2 }, "secret/${line}"],
    },
    {
      name: "new",
      provision: { clientIds: ["plant-9-new"] },
      filters: [{ filter: "firmware", qos: 1, retainHandling: 2 }],
    },
  ],
};

async function withBroker(
  config: Parameters<typeof startBroker>[0],
  work: (broker: BrokerProcess) => Promise<void>,
): Promise<void> {
  const broker = await startBroker(config);
  try {
    await work(broker);
  } finally {
    await broker.stop();
  }
}

const text = (payload: Uint8Array) => new TextDecoder().decode(payload);

for (const version of [4, 5] as const satisfies readonly ProtocolVersion[]) {
  toolTest(
    ["mosquitto_pub"],
    `dunlin run subscribes a device that never does, version ${version}`,
    async () => {
      await withBroker(FLEET, async (broker) => {
        const { port } = broker;
        const more = version === 5
          ? { cleanStart: false, properties: { sessionExpiryInterval: 600 } }
          : { cleanStart: false };
        const device = await RawClient.connect({ port }, version, "plant-3-pump", more);
        // The first message behind CONNACK, by a stock client.
        await mosquittoPub(port, "-t", "devices/plant-3-pump/commands", "-q", "1", "-m", "go");
        const first = await device.expect("publish");
        assert.deepEqual([first.topic, first.qos, text(first.payload)], [
          "devices/plant-3-pump/commands",
          1,
          "go",
        ]);
        await device.send({
          type: "puback",
          packetId: first.packetId,
          reasonCode: 0,
          properties: undefined,
        });
        await mosquittoPub(port, "-t", "lines/3/alarms", "-q", "0", "-m", "fire");
        assert.equal((await device.expect("publish")).topic, "lines/3/alarms");
        // What it may not have it has not, and the log says so.
        await mosquittoPub(port, "-t", "secret/3", "-m", "no");
        await device.ping();
        const skip = await broker.logged(
          ({ filter }) => filter === "secret/${line}",
          "the filter that was skipped",
        );
        assert.deepEqual([skip["clientId"], skip["rule"], skip["reason"]], [
          "plant-3-pump",
          "lines",
          "notPermitted",
        ]);
        // A pinned rule stays.
        await device.send({
          type: "unsubscribe",
          packetId: 5,
          filters: ["lines/3/alarms", "devices/plant-3-pump/commands"],
          userProperties: undefined,
        });
        const unsuback = await device.expect("unsuback");
        assert.deepEqual(unsuback.reasonCodes, version === 5 ? [0x87, 0] : []);
        await mosquittoPub(port, "-t", "devices/plant-3-pump/commands", "-q", "1", "-m", "unheard");
        await mosquittoPub(port, "-t", "lines/3/alarms", "-q", "0", "-m", "again");
        assert.equal(text((await device.expect("publish")).payload), "again");
        await device.disconnect();
      });
    },
  );

  toolTest(
    ["mosquitto_pub"],
    `dunlin run keeps what comes for a device that was never here, version ${version}`,
    async () => {
      await withBroker(FLEET, async (broker) => {
        const { port } = broker;
        await mosquittoPub(port, "-t", "firmware", "-q", "1", "-m", "v2");
        await mosquittoPub(port, "-t", "devices/plant-9-new/commands", "-q", "1", "-m", "install");
        const device = await RawClient.open({ port }, version);
        const connack = await device.knock("plant-9-new", { cleanStart: false });
        assert.deepEqual([connack.reasonCode, connack.sessionPresent], [0, false]);
        const got = [await device.expect("publish"), await device.expect("publish")];
        assert.deepEqual(got.map(({ payload }) => text(payload)), ["v2", "install"]);
        await device.disconnect();
      });
    },
  );
}

toolTest(
  ["mosquitto_pub"],
  "dunlin run tells in its log what a first connect with a clean start drops",
  async () => {
    await withBroker(FLEET, async (broker) => {
      const { port } = broker;
      await mosquittoPub(port, "-t", "firmware", "-q", "1", "-m", "v2");
      const device = await RawClient.connect({ port }, 5, "plant-9-new", { cleanStart: true });
      await device.ping();
      const line = await broker.logged(
        ({ message }) => message.includes("first CONNECT asks for a clean start"),
        "the messages that were dropped",
      );
      assert.deepEqual([line["clientId"], line["messagesDropped"]], ["plant-9-new", 1]);
      await device.disconnect();
    });
  },
);
