/** MQTT 5.0 section 3.3.2.3: the properties of PUBLISH, which are passed on. */

import { publishPacket } from "../../broker/packets.ts";
import { frame, p, s } from "../../packet/bytes_of.ts";
import type { Bench } from "../bench.ts";
import { holds } from "../harness.ts";
import type { Row } from "../harness.ts";
import { comes, ends, int, KEPT, raw, sized } from "../raw5.ts";

/**
 * A PUBLISH with these properties goes out with the same bytes on every way: at once to a subscriber, from
 * the queue of one that was absent, after a restart, and as a retained message.
 */
async function passesOn(at: Bench, properties: string, payload = raw("x")): Promise<void> {
  const now = await at.client("now");
  await now.subscribes(["t", 1]);
  const absent = await at.client("absent", KEPT);
  await absent.subscribes(["t", 1]);
  await absent.drops();
  const pump = await at.client("pump");
  const rest = `${p(properties)} ${payload}`;
  await pump.sends(frame(0x33, s("t"), "0007", rest));
  pump.gets({ type: "puback", packetId: 7 });
  const { packetId } = now.gets({ type: "publish", topic: "t", qos: 1 });
  await now.drops();
  await pump.sends(frame(0x30, s("q0"), rest));
  const plain = await at.client("plain");
  await plain.subscribes("q0");
  await pump.sends(frame(0x30, s("q0"), rest));
  plain.gets(frame(0x30, s("q0"), rest));
  const again = await at.client("again");
  await again.subscribes(["t", 1]);
  again.gets(frame(0x33, s("t"), int(packetId, 2), rest)); // retained
  const back = await comes(at, "absent", true);
  back.gets(frame(0x32, s("t"), "0001", rest));
  await back.drops();
  await at.restarts();
  const third = await comes(at, "absent", true);
  third.gets(frame(0x3a, s("t"), "0001", rest));
  const late = await at.client("late");
  await late.subscribes(["t", 1]);
  late.gets(frame(0x33, s("t"), "0001", rest)); // retained, from the store
}

export const publishProperties5: readonly Row[] = [
  holds(
    "5.0",
    "MQTT-3.3.2-4",
    "the Payload Format Indicator 1 is passed on unchanged",
    (at) => passesOn(at, "01 01"),
  ),
  holds(
    "5.0",
    "MQTT-3.3.2-4",
    "the Payload Format Indicator 0 is passed on unchanged, and none is added where none was",
    async (at) => {
      await passesOn(at, "01 00");
      const panel = await at.client("panel");
      await panel.subscribes("u");
      const pump = await at.client("pump");
      await pump.sends(frame(0x30, s("u"), p(), raw("x")));
      panel.gets(frame(0x30, s("u"), p(), raw("x")));
      await ends(pump, frame(0x30, s("u"), p("01 02"), raw("x")), 0x82); // neither 0 nor 1
      panel.getsNothing();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.2-13",
    "a Response Topic of ill-formed UTF-8, with U+0000, or longer than its packet is malformed (0x81)",
    async (at) => {
      const panel = await at.client("panel");
      await panel.subscribes("#");
      for (const text of ["eda080", "c080", "ff", "c3", "6100", "00", "61".repeat(60) + "80"]) {
        await ends(await at.client("pump"), frame(0x30, s("t"), p("08", sized(text))), 0x81);
      }
      await ends(await at.client("pump"), frame(0x30, s("t"), p("08 0005 61")), 0x81);
      panel.getsNothing();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.2-14",
    "a Response Topic with + or # is a protocol error (0x82), in a PUBLISH and in a Will",
    async (at) => {
      const panel = await at.client("panel");
      await panel.subscribes("#");
      for (const topic of ["#", "+", "a/#", "a/+/b", "a+", "#a", "a".repeat(80) + "/+"]) {
        await ends(await at.client("pump"), frame(0x30, s("t"), p("08", s(topic))), 0x82);
        const qos2 = frame(0x34, s("t"), "0001", p("08", s(topic)));
        await ends(await at.client("pump"), qos2, 0x82);
      }
      panel.getsNothing();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.2-15",
    "the Response Topic is passed on unchanged",
    (at) => passesOn(at, "08" + s("answers/größe/\ufeff/\u{1f986}")),
  ),
  holds(
    "5.0",
    "MQTT-3.3.2-16",
    "Correlation Data are passed on unchanged, whatever the bytes, and also when empty",
    async (at) => {
      await passesOn(at, "09" + sized("00ff80c0eda080" + "0102030405"));
      const panel = await at.client("panel");
      await panel.subscribes("u");
      const pump = await at.client("pump");
      const every = Array.from({ length: 256 }, (_, byte) => int(byte, 1)).join("");
      for (const data of ["", "00", every]) {
        const property = "09" + sized(data);
        const size = property.length / 2;
        const length = size < 128 ? int(size, 1) : int((size & 0x7f) | 0x80, 1) + int(size >> 7, 1);
        await pump.sends(frame(0x30, s("u"), length + property, raw("x")));
        const bytes = panel.takesBytes()!;
        const found = [...bytes.subarray(-1 - data.length / 2, -1)].map((byte) => int(byte, 1));
        at.expects(found.join("") === data, `Correlation Data of ${data.length / 2} bytes`);
      }
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.2-17",
    "all User Properties are passed on unchanged: empty ones, equal ones, and many",
    async (at) => {
      await passesOn(at, "26" + s("") + s("") + "26" + s("größe") + s("\u{1f986}\ufeff"));
      const panel = await at.client("panel");
      await panel.subscribes("u");
      const pump = await at.client("pump");
      const pairs = Array.from({ length: 1000 }, (_, i) => [`n${i % 7}`, `v${i}`] as const);
      await pump.sends(publishPacket("u", "x", { properties: { userProperties: pairs } }));
      panel.gets({ type: "publish", properties: { userProperties: pairs } });
      const big = [["n".repeat(65_535), "v".repeat(65_535)]] as const;
      await pump.sends(publishPacket("u", "x", { properties: { userProperties: big } }));
      panel.gets({ type: "publish", properties: { userProperties: big } });
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.2-18",
    "User Properties keep their order, those of one name too",
    (at) => {
      const pairs = [["b", "2"], ["a", "1"], ["b", "1"], ["10", "x"], ["9", "y"], ["b", "2"]];
      return passesOn(at, pairs.map(([name, value]) => "26" + s(name!) + s(value!)).join(""));
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.2-18",
    "also when other properties stand between them",
    async (at) => {
      const panel = await at.client("panel");
      await panel.subscribes("t");
      const pump = await at.client("pump");
      const [b, a, c] = ["26" + s("b") + s("1"), "26" + s("a") + s("2"), "26" + s("b") + s("0")];
      await pump.sends(frame(0x30, s("t"), p(b!, "01 01", a!, "03", s("type"), c!), raw("x")));
      panel.gets({
        type: "publish",
        properties: { userProperties: [["b", "1"], ["a", "2"], ["b", "0"]], contentType: "type" },
      });
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.2-19",
    "a Content Type of ill-formed UTF-8, with U+0000, or longer than its packet is malformed (0x81)",
    async (at) => {
      const panel = await at.client("panel");
      await panel.subscribes("#");
      for (const text of ["eda080", "c080", "ff", "c3", "6100", "00", "61".repeat(60) + "80"]) {
        await ends(await at.client("pump"), frame(0x30, s("t"), p("03", sized(text))), 0x81);
      }
      await ends(await at.client("pump"), frame(0x30, s("t"), p("03 0005 61")), 0x81);
      panel.getsNothing();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.2-20",
    "the Content Type is passed on unchanged",
    async (at) => {
      await passesOn(at, "03" + s("text/plain; charset=größe+#\ufeff"));
      const panel = await at.client("panel");
      await panel.subscribes("u");
      const pump = await at.client("pump");
      await pump.sends(frame(0x30, s("u"), p("03", s("")), raw("x"))); // an empty one is one
      panel.gets(frame(0x30, s("u"), p("03", s("")), raw("x")));
    },
  ),
];
