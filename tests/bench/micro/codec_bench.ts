/** `deno bench tests/bench/micro`: frames to packets and packets to frames. Section 3 of MQTT 5.0. */

import { decode } from "../../../src/packet/decode.ts";
import { encode } from "../../../src/packet/encode.ts";
import type { Packet, ProtocolVersion } from "../../../src/packet/packet.ts";
import { connectOf } from "../../packets.ts";

const publish: Packet = {
  type: "publish",
  topic: "plant/7/temperature",
  payload: new Uint8Array(64).fill(0x64),
  qos: 1,
  retain: false,
  dup: false,
  packetId: 4_711,
  properties: undefined,
};
const packets: readonly (readonly [string, Packet])[] = [
  ["PUBLISH QoS 0", { ...publish, qos: 0, packetId: 0 }],
  ["PUBLISH QoS 1", publish],
  ["PUBLISH QoS 1, 64 KiB", { ...publish, payload: new Uint8Array(65_536) }],
  ["PUBACK", { type: "puback", packetId: 4_711, reasonCode: 0, properties: undefined }],
  ["PUBREL", { type: "pubrel", packetId: 4_711, reasonCode: 0, properties: undefined }],
  ["PINGREQ", { type: "pingreq" }],
];

for (const [name, packet] of packets) {
  for (const version of [4, 5] as const) both(name, packet, version);
}
both("CONNECT", connectOf(4, "pump-7", { username: "pump", password: new Uint8Array(8) }), 4);
both("CONNECT", connectOf(5, "pump-7", { username: "pump", password: new Uint8Array(8) }), 5);

function both(name: string, packet: Packet, version: ProtocolVersion): void {
  const frame = encode(packet, version).slice();
  Deno.bench(`decode ${name}, version ${version}`, { group: `decode ${name}` }, () => {
    if (decode(frame, version).type !== packet.type) throw new Error("read as another packet");
  });
  Deno.bench(`encode ${name}, version ${version}`, { group: `encode ${name}` }, () => {
    if (encode(packet, version).length !== frame.length) throw new Error("written otherwise");
  });
}
