/** Acknowledgements that the broker awaits and gives. MQTT 5.0 sections 3.4 to 3.7. */

import { frame, hex, p, s } from "../../packet/bytes_of.ts";
import type { Bench } from "../bench.ts";
import type { Peer } from "../peer.ts";
import { id, refuses, serves, takes } from "./answers.ts";

/** Tables 3-4 and 3-5, and Reason Codes that are in neither. */
export const OF_PUBLISH = [...hex("00 10 80 83 87 90 91 97 99")];
export const NOT_OF_PUBLISH = [...hex("01 04 11 7f 81 82 88 92 98 9a a2 ff")];
/** Reason Codes that are not in the tables 3-6 and 3-7, which know 0x00 and 0x92. */
export const NOT_OF_PUBREL = [...hex("01 10 80 83 87 91 93 ff")];

/** User Property `k` = `v`, and the Reason String `why`. */
export const PROPERTIES = p("1f", s("why"), "26", s("k"), s("v"));

/** A subscriber with Receive Maximum 1 and a publication of that QoS inflight to it. */
export async function awaited(at: Bench, name: string, qos: 1 | 2): Promise<[Peer, Peer]> {
  const pump = await at.client(`pump of ${name}`);
  const panel = await at.client(name, { properties: { receiveMaximum: 1 } });
  await panel.subscribes([`t/${name}`, 2]);
  for (const packetId of [1, 2]) {
    await pump.publishes(`t/${name}`, String(packetId), { packetId, qos });
  }
  panel.gets({ type: "publish", qos, packetId: 1, payload: "1" });
  panel.getsNothing();
  return [panel, pump];
}

/** The Reason Codes of the broker's own PUBACK or PUBREC, each as bytes, by why it says so. */
export async function reasonsOf(at: Bench, first: "40" | "50"): Promise<void> {
  at.configure({
    validatePayloadFormat: true,
    queuePolicy: "reject",
    limits: { queuedMessagesPerSession: 1 },
  });
  const qos = first === "40" ? 1 : 2;
  const pump = await at.client("pump", { properties: { requestProblemInformation: 0 } });
  await pump.publishes("nobody/here", "x", { packetId: 1, qos });
  pump.gets(`${first} 03 0001 10`);
  const panel = await at.client("panel", {
    properties: { receiveMaximum: 1, sessionExpiryInterval: 60 },
  });
  await panel.subscribes(["t", 2]);
  await pump.publishes("t", "inflight", { packetId: 2, qos });
  pump.gets(`${first} 02 0002`);
  await pump.publishes("$SYS/x", "x", { packetId: 3, qos });
  pump.gets(`${first} 03 0003 87`);
  await pump.publishes("$delayed/soon/t", "x", { packetId: 4, qos });
  pump.gets(`${first} 03 0004 90`);
  const properties = { payloadFormatIndicator: 1 } as const;
  await pump.publishes("t", Uint8Array.of(0xff), { packetId: 5, qos, properties });
  pump.gets(`${first} 03 0005 99`);
  await pump.publishes("t", "queued", { packetId: 6, qos });
  pump.gets(`${first} 02 0006`);
  await pump.publishes("t", "one too many", { packetId: 7, qos });
  pump.gets(`${first} 03 0007 97`);
  await serves(pump);
}

/** The same refusal with and without room for words. */
export async function wordsAreLeftOut(at: Bench, type: "puback" | "pubrec"): Promise<void> {
  const qos = type === "puback" ? 1 : 2;
  const reasonCode = 0x87;
  const open = await at.client("open");
  await open.publishes("$SYS/x", "x", { packetId: 1, qos });
  const told = open.gets({ type, packetId: 1, reasonCode });
  at.expects(
    (told.properties?.reasonString ?? "") !== "",
    "where there is room, a refusal is put into words",
  );
  for (const maximumPacketSize of [30, 64, 1023, 1024, 3000]) {
    const small = await at.client(`small ${maximumPacketSize}`, {
      properties: { maximumPacketSize },
    });
    const longTopic = "$delayed/soon/" + "t".repeat(4000);
    await small.publishes("$SYS/x", "x", { packetId: 1, qos });
    await small.publishes(longTopic, "x", { packetId: 2, qos });
    for (const code of ["87", "90"]) {
      const bytes = takes(at, small, type === "puback" ? 0x40 : 0x50);
      at.expects(
        bytes.length <= maximumPacketSize,
        `${type} ${code} has ${bytes.length} bytes, ${maximumPacketSize} are taken`,
      );
      const reasonAt = bytes[1]! < 0x80 ? 4 : 5;
      at.expects(bytes[reasonAt] === parseInt(code, 16), `${type} has the Reason Code ${code}`);
      if (maximumPacketSize > 64) continue;
      at.expects(
        bytes.length === 5,
        `${type} ${code} is bare where ${maximumPacketSize} are taken`,
      );
    }
    await serves(small);
  }
  const quiet = await at.client("quiet", { properties: { requestProblemInformation: 0 } });
  await quiet.publishes("$SYS/x", "x", { packetId: 1, qos });
  quiet.gets(`${type === "puback" ? "40" : "50"} 03 0001 87`);
  // A Topic Name as long as it may be leaves no room for more words around it.
  const longest = "$delayed/soon/".padEnd(65_535, "t");
  await open.publishes(longest, "x", { packetId: 2, qos });
  open.gets({ type, packetId: 2, reasonCode: 0x90 });
  await serves(open);
}

/** The broker's own has no User Property, whatever the PUBLISH has and however much the client takes. */
export async function noUserProperty(at: Bench, type: "puback" | "pubrec"): Promise<void> {
  const first = type === "puback" ? "40" : "50";
  const qos = type === "puback" ? 1 : 2;
  const properties = { userProperties: [["k", "v".repeat(300)]] as const };
  for (const maximumPacketSize of [30, 4000]) {
    const pump = await at.client(`pump ${maximumPacketSize}`, {
      properties: { maximumPacketSize },
    });
    await pump.publishes("t", "x", { packetId: 1, qos, properties });
    pump.gets(`${first} 03 0001 10`);
    await pump.publishes("$SYS/t", "x", { packetId: 2, qos, properties });
    const refusal = pump.gets({ type, reasonCode: 0x87 });
    at.expects(refusal.properties?.userProperties === undefined, "it has no User Property");
  }
}

/** From the client: Reason String and User Properties are taken, other properties are not. */
export async function takesProperties(
  at: Bench,
  peer: Peer,
  first: number,
  packetId: number,
): Promise<void> {
  await peer.sends(frame(first, id(packetId), "00", PROPERTIES));
  await refuses(at, frame(first, "0007 00", p("1f", s("a"), "1f", s("b"))), 0x82);
  await refuses(at, frame(first, "0007 00", p("11 00000001")), 0x81);
  await refuses(at, frame(first, "0007 00 05 1f", s("ab"), "00"), 0x81);
  await refuses(at, frame(first, "0007 00 06 1f", s("ab")), 0x81);
}
