/** What a resumed session gets again, byte for byte: state of QoS 1 and 2, order, DUP, packet ids. */

import assert from "node:assert/strict";
import type { Connect, Packet, ProtocolVersion } from "../../src/packet/packet.ts";
import { sharedBroker } from "./broker_process.ts";
import { RawClient, text } from "./raw.ts";

const broker = sharedBroker();

/** A session that stays when its client goes. */
function kept(version: ProtocolVersion): Partial<Connect> {
  return {
    cleanStart: false,
    ...(version === 5 ? { properties: { sessionExpiryInterval: 60 } } : {}),
  };
}

function acknowledgement(
  type: "puback" | "pubrec" | "pubrel" | "pubcomp",
  packetId: number,
): Packet {
  return { type, packetId, reasonCode: 0, properties: undefined };
}

for (const version of [3, 4, 5] as const) {
  Deno.test(`a resumed session gets what is unacknowledged, in order, when its version is ${version}`, async () => {
    const id = `owed-${version}`;
    const first = await RawClient.connect(broker(), version, id, kept(version));
    await first.subscribe(id, 2);
    const talker = await RawClient.connect(broker(), 5, `${id}-talker`);
    for (const [payload, qos] of [["a", 1], ["b", 2], ["c", 2], ["d", 1]] as const) {
      await talker.publish(id, payload, { qos });
      await talker.expect(qos === 1 ? "puback" : "pubrec");
    }
    const ids: number[] = [];
    for (const payload of ["a", "b", "c", "d"]) {
      const publish = await first.expect("publish");
      assert.deepEqual([text(publish.payload), publish.dup], [payload, false]);
      ids.push(publish.packetId);
    }
    assert.equal(new Set(ids).size, 4);
    await first.send(acknowledgement("pubrec", ids[1]!));
    assert.equal((await first.expect("pubrel")).packetId, ids[1]);
    first.close();

    const second = await RawClient.open(broker(), version);
    const connack = await second.knock(id, kept(version));
    assert.equal(connack.sessionPresent, version !== 3); // 3.1 has no such flag
    const again: unknown[] = [];
    for (let count = 0; count < 4; count++) {
      const packet = await second.next();
      again.push(
        packet.type === "publish"
          ? [text(packet.payload), packet.dup, packet.packetId, packet.qos]
          : [packet.type, "packetId" in packet && packet.packetId],
      );
    }
    assert.deepEqual(again, [
      ["a", true, ids[0], 1],
      ["c", true, ids[2], 2],
      ["d", true, ids[3], 1],
      ["pubrel", ids[1]], // in the order of the PUBRECs, of which this is the last [MQTT-4.6.0-4]
    ]);
    for (const at of [0, 3]) await second.send(acknowledgement("puback", ids[at]!));
    await second.send(acknowledgement("pubcomp", ids[1]!));
    await second.send(acknowledgement("pubrec", ids[2]!));
    assert.equal((await second.expect("pubrel")).packetId, ids[2]);
    await second.send(acknowledgement("pubcomp", ids[2]!));
    await second.ping(); // nothing else is owed
    second.close();

    const third = await RawClient.connect(broker(), version, id, kept(version));
    await third.ping();
    await third.disconnect();
    await talker.disconnect();
  });

  Deno.test(`a QoS 2 message is routed once when it comes again after a broken link in version ${version}`, async () => {
    const id = `again-${version}`;
    const hearer = await RawClient.connect(broker(), 5, `${id}-hearer`);
    await hearer.subscribe(id, 0);
    const first = await RawClient.connect(broker(), version, id, kept(version));
    await first.publish(id, "once", { qos: 2, packetId: 9 });
    await first.expect("pubrec");
    first.close();
    assert.equal(text((await hearer.expect("publish")).payload), "once");
    const second = await RawClient.connect(broker(), version, id, kept(version));
    await second.publish(id, "once", { qos: 2, packetId: 9, dup: true });
    assert.equal((await second.expect("pubrec")).packetId, 9);
    await second.send(acknowledgement("pubrel", 9));
    assert.equal((await second.expect("pubcomp")).packetId, 9);
    // The packet id is free again: this is another message.
    await second.publish(id, "twice", { qos: 2, packetId: 9 });
    await second.expect("pubrec");
    assert.equal(text((await hearer.expect("publish")).payload), "twice");
    await second.disconnect();
    await hearer.ping();
    await hearer.disconnect();
  });
}
