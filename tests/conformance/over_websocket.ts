/**
 * The rows on WebSocket as a transport, which are the same in both versions, with the whole broker on a
 * socket of 127.0.0.1. MQTT 5.0 section 6; MQTT 3.1.1 section 6.
 */

import { encode } from "../../src/packet/encode.ts";
import { loadConfig } from "../../src/server/config.ts";
import { start } from "../../src/server/start.ts";
import { connectPacket, publishPacket, subscribePacket } from "../broker/packets.ts";
import { RawWebSocket, upgradeRequest } from "../end_to_end/raw_websocket.ts";
import type { Frame } from "../transport/client_frames.ts";
import { joined } from "../../src/packet/joined.ts";
import { cutAt } from "../transport/scripted_link.ts";
import type { Bench } from "./bench.ts";
import type { Row, Standard } from "./harness.ts";
import { holds } from "./harness.ts";

const CONFIG = JSON.stringify({
  store: "memory",
  listeners: [{ type: "websocket", port: 0, allowAnonymous: true }],
  limits: { maximumConnections: 8, shutdownTimeout: 1 },
});

/** The rows of one version of the standard. */
export function webSocketRows(standard: Standard): readonly Row[] {
  const version = standard === "5.0" ? 5 : 4;
  const connect = connectPacket("web", { protocolVersion: version });

  async function connected(port: number, at: Bench): Promise<RawWebSocket> {
    const client = await RawWebSocket.open(port);
    await client.sendPacket(connect, version);
    at.expects((await client.packet(version))?.type === "connack", "no CONNACK");
    return client;
  }

  return [
    holds(
      standard,
      "MQTT-6.0.0-1",
      "a text frame closes, a binary one is read",
      (at) =>
        withBroker(async (port) => {
          const text: Frame = { opcode: 1, payload: encode(connect, version) };
          const early = await RawWebSocket.open(port);
          await early.sendFrame(text);
          at.expects(
            await early.packet(version) === undefined,
            "CONNECT in a text frame is answered",
          );
          early.close();
          for (const frame of [text, { opcode: 1 }, { opcode: 1, payload: "a", final: false }]) {
            const client = await connected(port, at);
            await client.sendFrame(frame);
            at.expects(await client.closed() === 1003, "a text frame did not close the connection");
          }
        }),
    ),
    holds(
      standard,
      "MQTT-6.0.0-2",
      "packets and frames are cut at different places",
      (at) =>
        withBroker(async (port) => {
          const client = await connected(port, at);
          const packets = joined([
            encode(subscribePacket(1, ["a/b", 0]), version),
            encode(publishPacket("a/b", "x".repeat(300)), version),
            encode({ type: "pingreq" }, version),
          ]);
          const singly = Array.from(packets, (_, place) => place);
          for (const places of [[], [1], [3, 40], [20, 21, 22, 200], singly]) {
            for (const payload of cutAt(packets, places)) {
              await client.sendFrame({ opcode: 2, payload });
            }
            const types = [];
            for (let count = 0; count < 3; count++) {
              types.push((await client.packet(version))?.type);
            }
            const found = types.join();
            at.expects(found === "suback,publish,pingresp", `cut at ${places}: found ${found}`);
          }
          client.close();
        }),
    ),
    holds(
      standard,
      "MQTT-6.0.0-3",
      "a client that does not offer mqtt is not let in",
      (at) =>
        withBroker(async (port) => {
          for (const protocol of ["chat", "MQTT", "mqtt2", ""]) {
            const client = await RawWebSocket.open(port, upgradeRequest([], protocol));
            at.expects(client.status === 400, `${protocol} is answered with ${client.status}`);
            client.close();
          }
        }),
    ),
    holds(
      standard,
      "MQTT-6.0.0-4",
      "the sub-protocol that is selected is mqtt",
      (at) =>
        withBroker(async (port) => {
          for (const protocol of ["mqtt", "chat, mqtt", "mqtt,chat"]) {
            const client = await RawWebSocket.open(port, upgradeRequest([], protocol));
            at.expects(client.status === 101, `${protocol} is answered with ${client.status}`);
            const selected = client.header("sec-websocket-protocol");
            at.expects(selected === "mqtt", `${protocol}: ${selected} is selected`);
            client.close();
          }
        }),
    ),
  ];
}

/** Starts a broker, gives its port, and stops it. */
async function withBroker(work: (port: number) => Promise<void>): Promise<void> {
  const nothing = () => {
    throw new Error("nothing is to be read");
  };
  const { config, problems } = loadConfig({
    text: CONFIG,
    env: () => undefined,
    readFile: nothing,
  });
  if (config === undefined) throw new Error(JSON.stringify(problems));
  const server = await start(config, new URL(import.meta.url).pathname);
  try {
    await work(Number(server.addresses[0]!.split(":").at(-1)));
  } finally {
    await server.stop();
  }
}
