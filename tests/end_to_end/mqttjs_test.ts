/** MQTT.js against the real program, in 3.1.1 and 5.0. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { Reason } from "../../src/packet/reason_code.ts";
import { sharedBroker } from "./broker_process.ts";
import { connectJs, once } from "./mqttjs_client.ts";
import { within } from "./within.ts";

const broker = sharedBroker();
const versions = [4, 5] as const;

for (const protocolVersion of versions) {
  Deno.test(`MQTT.js sends and gets QoS 0, 1 and 2 when it speaks version ${protocolVersion}`, async () => {
    const { port } = broker();
    const js = await connectJs(port, `js-${protocolVersion}`, { protocolVersion });
    await js.client.subscribeAsync(`js/${protocolVersion}/#`, { qos: 2 });
    for (const qos of [0, 1, 2] as const) {
      await js.client.publishAsync(`js/${protocolVersion}/${qos}`, `m ${qos}`, { qos });
    }
    const got = (await js.receive(3)).map(({ topic, payload, qos }) => [topic, payload, qos]);
    assert.deepEqual(
      got.sort(),
      [0, 1, 2].map((qos) => [`js/${protocolVersion}/${qos}`, `m ${qos}`, qos]),
    );
    await js.client.unsubscribeAsync(`js/${protocolVersion}/#`);
    await js.client.publishAsync(`js/${protocolVersion}/1`, "unheard", { qos: 1 });
    assert.equal(js.messages.length, 3);
    await js.end();
  });

  Deno.test(`MQTT.js gets 2,000 messages of QoS 2 once and in order in version ${protocolVersion}`, async () => {
    const { port } = broker();
    const count = 2_000;
    const sub = await connectJs(port, `many-sub-${protocolVersion}`, { protocolVersion });
    await sub.client.subscribeAsync(`many/${protocolVersion}`, { qos: 2 });
    const pub = await connectJs(port, `many-pub-${protocolVersion}`, { protocolVersion });
    // MQTT.js does not look at the broker's Receive Maximum of 256 by itself.
    for (let wave = 0; wave < count; wave += 200) {
      const acknowledged = Promise.all(
        Array.from(
          { length: 200 },
          (_, n) => pub.client.publishAsync(`many/${protocolVersion}`, `${wave + n}`, { qos: 2 }),
        ),
      );
      await within(acknowledged, `PUBCOMP for the messages from ${wave} on`);
    }
    const got = (await sub.receive(count)).map(({ payload }) => Number(payload));
    assert.deepEqual(got, Array.from({ length: count }, (_, n) => n));
    await pub.end();
    await sub.end();
  });

  Deno.test(`MQTT.js resumes its session and gets what it missed in version ${protocolVersion}`, async () => {
    const { port } = broker();
    const id = `resume-${protocolVersion}`;
    const options = {
      protocolVersion,
      clean: false,
      ...(protocolVersion === 5 ? { properties: { sessionExpiryInterval: 600 } } : {}),
    };
    const before = await connectJs(port, id, options);
    assert.equal(before.connack.sessionPresent, false);
    await before.client.subscribeAsync(`resume/${protocolVersion}`, { qos: 2 });
    await before.end();
    const pub = await connectJs(port, `${id}-pub`, { protocolVersion });
    for (let n = 0; n < 20; n++) {
      const qos = n % 2 === 0 ? 1 : 2;
      await pub.client.publishAsync(`resume/${protocolVersion}`, `${n}`, { qos });
    }
    const after = await connectJs(port, id, options);
    assert.equal(after.connack.sessionPresent, true);
    const got = await after.receive(20);
    for (const qos of [1, 2]) {
      assert.deepEqual(
        got.filter((message) => message.qos === qos).map(({ payload }) => Number(payload)),
        Array.from({ length: 10 }, (_, at) => 2 * at + qos - 1),
      );
    }
    await after.end();
    // With a clean start nothing is left of it.
    const clean = await connectJs(port, id, { protocolVersion, clean: true });
    assert.equal(clean.connack.sessionPresent, false);
    await clean.end();
    await pub.end();
  });

  Deno.test(`MQTT.js reconnects and goes on when its link breaks in version ${protocolVersion}`, async () => {
    const { port } = broker();
    const js = await connectJs(port, `reconnect-${protocolVersion}`, {
      protocolVersion,
      clean: false,
      reconnectPeriod: 10,
      ...(protocolVersion === 5 ? { properties: { sessionExpiryInterval: 60 } } : {}),
    });
    await js.client.subscribeAsync(`reconnect/${protocolVersion}`, { qos: 1 });
    const again = once(js.client, "connect");
    js.client.stream.destroy();
    const [connack] = await again as [{ sessionPresent: boolean }];
    assert.equal(connack.sessionPresent, true);
    await js.client.publishAsync(`reconnect/${protocolVersion}`, "back", { qos: 1 });
    assert.equal((await js.receive(1))[0]!.payload, "back");
    await js.end();
  });

  Deno.test(`MQTT.js is closed when its client id connects again in version ${protocolVersion}`, async () => {
    const { port } = broker();
    const id = `taken-${protocolVersion}`;
    const first = await connectJs(port, id, { protocolVersion });
    const closed = once(first.client, "close");
    const told = protocolVersion === 5 ? once(first.client, "disconnect") : undefined;
    const second = await connectJs(port, id, { protocolVersion });
    const [packet] = (await told ?? []) as { reasonCode: number }[];
    if (protocolVersion === 5) assert.equal(packet?.reasonCode, Reason.sessionTakenOver);
    await closed;
    await second.client.publishAsync("any", "x", { qos: 1 });
    await second.end();
    await first.end();
  });
}

Deno.test("MQTT.js gets all properties of a message and its Subscription Identifiers in 5.0", async () => {
  const { port } = broker();
  const js = await connectJs(port, "props");
  await js.client.subscribeAsync("props/#", { qos: 1, properties: { subscriptionIdentifier: 7 } });
  await js.client.subscribeAsync("props/a", {
    qos: 1,
    properties: { subscriptionIdentifier: 300 },
  });
  await js.client.publishAsync("props/a", "x", {
    qos: 1,
    properties: {
      payloadFormatIndicator: true,
      messageExpiryInterval: 100,
      contentType: "text/plain",
      responseTopic: "props/answer",
      correlationData: Buffer.from([1, 2, 3]),
      userProperties: { unit: "degree", tags: ["a", "b"] },
    },
  });
  const [message] = await js.receive(1);
  const { properties } = message!;
  assert.deepEqual([properties.subscriptionIdentifier].flat().sort(), [300, 7]);
  assert.equal(properties.payloadFormatIndicator, true);
  assert.ok(properties.messageExpiryInterval <= 100 && properties.messageExpiryInterval > 90);
  assert.equal(properties.contentType, "text/plain");
  assert.equal(properties.responseTopic, "props/answer");
  assert.deepEqual([...properties.correlationData], [1, 2, 3]);
  assert.deepEqual({ ...properties.userProperties }, { unit: "degree", tags: ["a", "b"] });
  assert.equal(js.messages.length, 1, "overlapping subscriptions are one message");
  await js.end();
});

Deno.test("MQTT.js uses Topic Aliases both ways in 5.0", async () => {
  const { port } = broker();
  const sub = await connectJs(port, "alias-sub", { properties: { topicAliasMaximum: 5 } });
  await sub.client.subscribeAsync("alias/+", { qos: 1 });
  const pub = await connectJs(port, "alias-pub", { autoAssignTopicAlias: true });
  assert.equal(pub.connack.properties?.topicAliasMaximum, 32);
  for (let n = 0; n < 30; n++) {
    await pub.client.publishAsync(`alias/${n % 10}`, `${n}`, { qos: n % 2 === 0 ? 0 : 1 });
  }
  const got = (await sub.receive(30)).map(({ topic, payload }) => [topic, payload]);
  const ofTopic = (n: number) => got.filter(([topic]) => topic === `alias/${n}`);
  for (let n = 0; n < 10; n++) {
    assert.deepEqual(ofTopic(n), [0, 10, 20].map((more) => [`alias/${n}`, `${n + more}`]));
  }
  await pub.end();
  await sub.end();
});

Deno.test("MQTT.js gets everything in the end when its Receive Maximum is 1", async () => {
  const { port } = broker();
  const sub = await connectJs(port, "narrow", { properties: { receiveMaximum: 1 } });
  await sub.client.subscribeAsync("narrow", { qos: 2 });
  const pub = await connectJs(port, "narrow-pub");
  assert.equal(pub.connack.properties?.receiveMaximum, 256);
  await Promise.all(
    Array.from(
      { length: 100 },
      (_, n) => pub.client.publishAsync("narrow", `${n}`, { qos: n % 2 === 0 ? 1 : 2 }),
    ),
  );
  const got = (await sub.receive(100)).map(({ payload }) => Number(payload));
  for (const rest of [0, 1]) {
    assert.deepEqual(
      got.filter((n) => n % 2 === rest),
      Array.from({ length: 50 }, (_, at) => 2 * at + rest),
    );
  }
  await pub.end();
  await sub.end();
});

Deno.test("a session of MQTT.js ends when its Session Expiry Interval has passed", async () => {
  const { port } = broker();
  const options = { clean: false, properties: { sessionExpiryInterval: 1 } };
  const first = await connectJs(port, "brief", options);
  await first.end();
  const soon = await connectJs(port, "brief", options);
  assert.equal(soon.connack.sessionPresent, true);
  await soon.end();
  await broker().logged(
    (line) => line.clientId === "brief" && line.why === "expired",
    "the end of the session",
  );
  const late = await connectJs(port, "brief", options);
  assert.equal(late.connack.sessionPresent, false);
  await late.end();
});

Deno.test("No Local and Retain Handling are kept to when MQTT.js asks for them in 5.0", async () => {
  const { port } = broker();
  const other = await connectJs(port, "options-other");
  await other.client.publishAsync("options/kept", "retained", { qos: 1, retain: true });
  const js = await connectJs(port, "options");
  await js.client.subscribeAsync("options/#", { qos: 1, nl: true, rap: true, rh: 2 });
  await js.client.publishAsync("options/own", "own", { qos: 1 });
  await other.client.publishAsync("options/kept", "live", { qos: 1, retain: true });
  const got = (await js.receive(1)).map(({ payload, retain }) => [payload, retain]);
  assert.deepEqual(got, [["live", true]]);
  await js.end();
  await other.end();
});

Deno.test("a Will of MQTT.js waits for its delay, and is not sent when the client is back", async () => {
  const { port } = broker();
  const watch = await connectJs(port, "will-watch");
  await watch.client.subscribeAsync("wills/+", { qos: 1 });
  const will = (name: string) => ({
    clean: false,
    properties: { sessionExpiryInterval: 60 },
    will: {
      topic: `wills/${name}`,
      payload: Buffer.from("gone"),
      qos: 1 as const,
      retain: false,
      properties: { willDelayInterval: 3, contentType: "text/plain" },
    },
  });
  const back = await connectJs(port, "back", will("back"));
  back.client.stream.destroy();
  await once(back.client, "close");
  const again = await connectJs(port, "back", will("back"));
  const polite = await connectJs(port, "polite", will("polite"));
  await polite.end();
  const start = performance.now();
  const lost = await connectJs(port, "lost", will("lost"));
  lost.client.stream.destroy();
  const [first] = await watch.receive(1);
  assert.deepEqual([first!.topic, first!.properties.contentType], ["wills/lost", "text/plain"]);
  assert.ok(performance.now() - start > 2_900);
  await again.end();
  await watch.client.publishAsync("wills/end", "end", { qos: 1 });
  assert.deepEqual((await watch.receive(2)).map(({ topic }) => topic), ["wills/lost", "wills/end"]);
  await watch.end();
});
