/** What is hostile by how much or how slowly it comes: rows of their own, for both versions. */

import { frame, hex, s, variableByteInteger } from "../../packet/bytes_of.ts";
import type { Bench } from "../bench.ts";
import type { Peer } from "../peer.ts";
import type { Version } from "./cases.ts";
import { connect, props, publish } from "./packets.ts";

/** What is shown, and how. */
export type Conduct = readonly [what: string, body: (at: Bench, version: Version) => Promise<void>];

/** A request of so many filters of one letter each. */
function manyFilters(version: Version, first: number, count: number, options: string): Uint8Array {
  const head = hex("0001" + props(version));
  const filter = hex(s("a") + options);
  const length = head.length + count * filter.length;
  const header = [first, ...variableByteInteger(length)];
  const bytes = new Uint8Array(header.length + length);
  bytes.set([...header, ...head]);
  let at = header.length + head.length;
  for (let i = 0; i < count; i++, at += filter.length) bytes.set(filter, at);
  return bytes;
}

/** Somebody else is served as ever. */
async function serves(bystander: Peer): Promise<void> {
  await bystander.sends("c0 00");
  bystander.gets("d0 00");
}

/** The end, told by that Reason Code where the version can. */
function ends(peer: Peer, version: Version, reasonCode: number): void {
  if (version === 5) peer.gets({ type: "disconnect", reasonCode });
  peer.isClosed();
}

export const conducts: readonly Conduct[] = [
  [
    "a packet too large is refused by its fixed header alone, with the limit that is configured",
    async (at, version) => {
      at.configure({ limits: { maximumPacketSize: 1000 } });
      const fits = await at.client("fits");
      const rest = 1000 - 3 - 5 - props(version).trim().length / 2;
      await fits.sends(frame(0x32, s("t"), "0001", props(version), "78".repeat(rest)));
      fits.gets({ type: "puback", packetId: 1 });
      for (const header of ["30 e6 07", "30 ff ff ff 7f", "82 80 80 01"]) { // 1,001 bytes and more
        const large = await at.client("large");
        await large.sends(header);
        ends(large, version, 0x95);
      }
      const first = await at.open();
      await first.sends("10 ff ff ff 7f");
      first.isClosed();
      await serves(fits);
    },
  ],
  [
    "a CONNECT that comes a byte at a time is waited for until connectTimeout, and no longer",
    async (at, version) => {
      at.configure({ limits: { connectTimeout: 10 } });
      const bystander = await at.client("bystander");
      const silent = await at.open();
      const slow = await at.open();
      const inTime = await at.open();
      const bytes = connect(version);
      for (let i = 0; i < bytes.length; i++) {
        await inTime.sends(bytes.subarray(i, i + 1));
        if (i < bytes.length - 1) await slow.sends(bytes.subarray(i, i + 1));
        await at.passes(Math.floor(9_000 / bytes.length));
      }
      inTime.gets({ type: "connack", reasonCode: 0 });
      slow.getsNothing();
      await at.passes(2_000);
      slow.isClosed();
      silent.isClosed();
      inTime.isOpen();
      await serves(bystander);
    },
  ],
  [
    "a packet that stops in its middle holds nothing but its own connection, until the Keep Alive ends it",
    async (at, version) => {
      const bystander = await at.client("bystander");
      const slow = await at.client("slow", { keepAlive: 10 });
      await slow.sends("30 fc ff 3f 00");
      await serves(bystander);
      await at.passes(14_000);
      slow.getsNothing();
      await slow.sends("00"); // a byte is no packet [MQTT-3.1.2-22]
      await at.passes(1_500);
      ends(slow, version, 0x8d);
      await serves(bystander);
    },
  ],
  [
    "a flood of PINGREQ from a client that reads nothing is answered as far as it is read, and starves nobody",
    async (at) => {
      const bystander = await at.client("bystander");
      const flood = await at.client("flood");
      await flood.stalls(true);
      await flood.sends(new Uint8Array(100_000).map((_, byte) => byte % 2 === 0 ? 0xc0 : 0));
      await serves(bystander);
      await flood.stalls(false);
      await at.passes(1_000);
      let answers = 0;
      for (let bytes = flood.takesBytes(); bytes !== undefined; bytes = flood.takesBytes()) {
        if (bytes.length !== 2 || bytes[0] !== 0xd0) at.expects(false, "it is no PINGRESP");
        answers += 1;
      }
      at.expects(answers > 0 && answers <= 50_000, `${answers} answers`);
      await serves(bystander);
    },
  ],
  [
    "a SUBSCRIBE with 100,000 filters is refused filter by filter, and starves nobody",
    async (at, version) => {
      const pump = await at.client("pump");
      const bystander = await at.client("bystander");
      await pump.sends(manyFilters(version, 0x82, 100_000, "00"));
      const { reasonCodes } = pump.gets({ type: "suback", packetId: 1 });
      at.expects(reasonCodes.length === 100_000, `${reasonCodes.length} codes`);
      const refused = version === 5 ? 0x97 : 0x80;
      at.expects(reasonCodes.every((code) => code === refused), "one is another");
      await serves(bystander);
      await pump.sends(publish(version, s("a")));
      pump.getsNothing();
    },
  ],
  [
    "an UNSUBSCRIBE with 100,000 filters removes none: 5.0 is told so, 3.1.1 is closed",
    async (at, version) => {
      const bystander = await at.client("bystander");
      const pump = await at.client("pump");
      await pump.subscribes("a");
      await pump.sends(manyFilters(version, 0xa2, 100_000, ""));
      if (version === 5) {
        const { reasonCodes } = pump.gets({ type: "unsuback", packetId: 1 });
        at.expects(reasonCodes.length === 100_000, `${reasonCodes.length} codes`);
        at.expects(reasonCodes.every((code) => code === 0x83), "one is another");
        await pump.sends(publish(version, s("a")));
        pump.gets({ type: "publish", topic: "a" });
      } else pump.isClosed();
      await serves(bystander);
    },
  ],
  [
    "257 publications of QoS 2 without a PUBREL: 5.0 is held to its Receive Maximum, 3.1.1 knows none",
    async (at, version) => {
      const bystander = await at.client("bystander");
      const pump = await at.client("pump");
      for (let id = 1; id <= 257; id++) {
        const bytes = id.toString(16).padStart(4, "0");
        await pump.sends(frame(0x34, s("t"), bytes, props(version)));
        if (id === 257 && version === 5) break;
        pump.gets({ type: "pubrec", packetId: id });
      }
      if (version === 5) ends(pump, version, 0x93);
      else pump.getsNothing();
      await serves(bystander);
    },
  ],
];
