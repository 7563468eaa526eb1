/** Rows for MQTT 3.1.1 section 7: conformance, transports. */

import { acknowledgement, publishPacket } from "../../broker/packets.ts";
import { startBroker } from "../../end_to_end/broker_process.ts";
import { RawClient } from "../../end_to_end/raw.ts";
import type { Row } from "../harness.ts";
import { excuse, holds } from "../harness.ts";

export const transport311: readonly Row[] = [
  excuse(
    "3.1.1",
    "MQTT-7.0.0-1",
    "the broker opens no connections to other servers, so it is no client of any",
  ),
  excuse(
    "3.1.1",
    "MQTT-7.0.0-2",
    "a statement about all others: tests/end_to_end shows it with the clients of mosquitto, Paho and MQTT.js",
  ),
  holds(
    "3.1.1",
    "MQTT-7.1.1-1",
    "the program is served over TCP: ordered, lossless",
    async (at) => {
      const broker = await startBroker();
      try {
        const panel = await RawClient.connect(broker, 4, "panel");
        const codes = await panel.subscribe("t", 2);
        at.expects(codes.join() === "2", `SUBACK has ${codes}`);
        const pump = await RawClient.connect(broker, 4, "pump");
        const large = "x".repeat(200_000); // many segments
        for (let i = 0; i < 20; i++) {
          await pump.send(publishPacket("t", `${i} ${large}`, { packetId: 7 }));
          at.expects((await pump.expect("puback")).packetId === 7, "PUBACK for another one");
          const { payload, packetId } = await panel.expect("publish");
          const same = new TextDecoder().decode(payload) === `${i} ${large}`;
          at.expects(same, `message ${i} has come changed or out of order`);
          await panel.send(acknowledgement("puback", packetId));
        }
        pump.close();
        await panel.disconnect();
      } finally {
        await broker.stop();
      }
    },
  ),
  excuse(
    "3.1.1",
    "MQTT-7.1.2-1",
    "binds the client; what the server offers is MQTT-7.1.1-1",
  ),
];
