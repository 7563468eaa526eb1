/** MQTT over QUIC through the front door: beside TCP, with a new certificate, to the end of the broker. */

import assert from "node:assert/strict";
import { Duplex } from "node:stream";
import mqtt from "mqtt";
import { quicAvailable } from "../../src/transport/quic.ts";
import { withAuthority } from "../transport/certificates.ts";
import type { BrokerProcess } from "./broker_process.ts";
import { startBroker } from "./broker_process.ts";
import { connectJs } from "./mqttjs_client.ts";
import { within } from "./within.ts";

interface Rig {
  readonly broker: BrokerProcess;
  readonly connect: (clientId: string) => Promise<QuicClient>;
  readonly renew: () => Promise<void>;
  readonly dial: () => Promise<Deno.QuicConn>;
}

interface QuicClient {
  readonly client: mqtt.MqttClient;
  readonly conn: Deno.QuicConn;
}

function quicTest(name: string, test: (rig: Rig) => Promise<void>): void {
  const options = { name, ignore: !quicAvailable(), sanitizeOps: false, sanitizeResources: false };
  Deno.test({
    ...options,
    fn: () =>
      withAuthority(async (authority) => {
        const pair = await authority.issue("broker", { names: "DNS:localhost,IP:127.0.0.1" });
        const broker = await startBroker({
          store: "memory",
          unstable: ["quic"],
          sysInterval: 1,
          listeners: [
            { type: "tcp", port: 0 },
            { type: "quic", port: 0, name: "quic", ...pair, allowAnonymous: true },
          ],
        });
        const port = Number(broker.addresses[1]!.split(":")[1]);
        const conns: Deno.QuicConn[] = [];
        const dial = async () => {
          const conn = await within(
            Deno.connectQuic<false>({
              hostname: "127.0.0.1",
              port,
              serverName: "localhost",
              alpnProtocols: ["mqtt"],
              caCerts: [Deno.readTextFileSync(authority.certificate)],
            }) as Promise<Deno.QuicConn>,
            "a connection",
          );
          conn.closed.catch(() => {});
          conns.push(conn);
          return conn;
        };
        const connect = async (clientId: string) => {
          const conn = await dial();
          const { readable, writable } = await conn.createBidirectionalStream();
          const stream = Duplex.fromWeb({ readable, writable } as never);
          stream.on("error", () => {});
          const client = new mqtt.MqttClient(() => stream as never, {
            clientId,
            protocolVersion: 5,
            reconnectPeriod: 0,
          });
          client.on("error", () => {});
          await within(new Promise((resolve) => client.once("connect", resolve)), "CONNACK");
          return { client, conn };
        };
        const renew = async () => {
          const other = await authority.issue("other", { names: "DNS:localhost" });
          await Deno.copyFile(other.key, pair.key);
          await Deno.copyFile(other.certificate, pair.certificate);
        };
        let stopped = false;
        try {
          await test({
            broker: {
              ...broker,
              stop: (signal) => {
                stopped = true;
                return broker.stop(signal);
              },
            },
            connect,
            renew,
            dial,
          });
        } finally {
          for (const conn of conns) conn.close();
          if (!stopped) await broker.stop();
        }
      }),
  });
}

quicTest("a client over QUIC and one over TCP hear each other", async (rig) => {
  const { client } = await rig.connect("far");
  const near = await connectJs(rig.broker.port, "near");
  await near.client.subscribeAsync("from/far", { qos: 1 });
  await client.subscribeAsync("from/near", { qos: 2 });
  const heard = new Promise<string>((resolve) =>
    client.once("message", (_, payload) => resolve(payload.toString()))
  );
  const large = "x".repeat(900_000);
  await within(client.publishAsync("from/far", large, { qos: 1 }), "PUBACK");
  assert.equal((await near.receive(1))[0]!.payload, large);
  await within(near.client.publishAsync("from/near", large, { qos: 2 }), "PUBCOMP");
  assert.equal(await within(heard, "the message"), large);
  await client.endAsync();
  await near.end();
});

quicTest("a client over QUIC is told when the broker ends", async (rig) => {
  const { client } = await rig.connect("far");
  const told = new Promise<number | undefined>((resolve) =>
    client.once("disconnect", ({ reasonCode }) => resolve(reasonCode))
  );
  await rig.broker.stop();
  assert.equal(await within(told, "DISCONNECT"), 0x8b);
});

quicTest("a client over QUIC that goes without a word has its Will published", async (rig) => {
  const near = await connectJs(rig.broker.port, "near");
  await near.client.subscribeAsync("will", { qos: 1 });
  const conn = await rig.dial();
  const { writable } = await conn.createBidirectionalStream();
  const connect = [0x10, 22, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 6, 0, 60, 0, 1, 0x61];
  const will = [0, 4, ...new TextEncoder().encode("will"), 0, 1, 0x62];
  await writable.getWriter().write(Uint8Array.from([...connect, ...will]));
  await rig.broker.logged((line) => line["clientId"] === "a", "the client to be in");
  conn.close({ closeCode: 1, reason: "gone" });
  assert.equal((await near.receive(1))[0]!.payload, "b");
  await near.end();
});

quicTest("a listener of type quic serves a new certificate and leaves open links", async (rig) => {
  const { client } = await rig.connect("before");
  await rig.renew();
  await rig.broker.logged(({ message }) => /TLS files changed/.test(message), "the new files");
  const { client: then } = await rig.connect("then");
  await within(client.publishAsync("a", "b", { qos: 1 }), "PUBACK");
  await then.endAsync();
});

quicTest("300 clients over QUIC come, are served, and leave nothing behind", async (rig) => {
  const clients: QuicClient[] = [];
  for (let at = 0; at < 30; at++) {
    clients.push(
      ...await Promise.all(Array.from({ length: 10 }, (_, n) => rig.connect(`c${at}-${n}`))),
    );
  }
  const [first] = clients;
  let count = 0;
  const all = new Promise<void>((resolve) =>
    first!.client.on("message", () => {
      if (++count === clients.length) resolve();
    })
  );
  await first!.client.subscribeAsync("all/#", { qos: 1 });
  for (const { client } of clients) {
    client.publish(`all/${client.options.clientId}`, "x", { qos: 1 });
  }
  await within(all, () => `${clients.length} messages; there were ${count}`);
  // A few at a time: the end of a connection is told once, in a datagram that a full socket loses.
  for (let at = 0; at < clients.length; at += 10) {
    const some = clients.slice(at, at + 10);
    for (const { conn } of some) conn.close();
    for (const { client: { options: { clientId } } } of some) {
      await rig.broker.logged(
        (line) => line.message === "disconnected" && line["clientId"] === clientId,
        `the end of ${clientId}`,
      );
    }
  }
  const near = await connectJs(rig.broker.port, "near");
  await near.client.subscribeAsync("$SYS/broker/clients/connected");
  for (let heard = 1;; heard++) {
    const messages = await near.receive(heard);
    if (messages.at(-1)!.payload === "1") break;
  }
  await near.end();
});
