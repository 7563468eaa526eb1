/** mosquitto_sub, mosquitto_pub, MQTT.js and paho at once on one broker, each hearing all the others. */

import assert from "node:assert/strict";
import { startBroker } from "./broker_process.ts";
import { messages, mosquittoPub, mosquittoSub, startPaho } from "./client_process.ts";
import { connectJs } from "./mqttjs_client.ts";
import { toolTest } from "./tools.ts";

const needed = ["mosquitto_pub", "mosquitto_sub", "stdbuf", "paho"] as const;

toolTest(
  needed,
  "stock clients hear each other once each when all use plant/# with QoS 2",
  async () => {
    const broker = await startBroker();
    const { port } = broker;
    const sub = await mosquittoSub(port, "-t", "plant/#", "-q", "2", "-V", "5", "-F", ">%q %t %p");
    const js = await connectJs(port, "js");
    await js.client.subscribeAsync("plant/#", { qos: 2 });
    const old = await connectJs(port, "js-old", { protocolVersion: 4 });
    await old.client.subscribeAsync("plant/#", { qos: 2 });
    const paho = startPaho(port, 5, "paho", "plant/#", "plant/paho", 30);
    await paho.out.find((line) => line === "ready", "SUBACK at paho");
    const each = Array.from({ length: 20 }, (_, n) => n);
    await Promise.all([
      ...each.map((n) => js.client.publishAsync("plant/js", `js ${n}`, { qos: 2 })),
      ...each.map((n) => old.client.publishAsync("plant/old", `old ${n}`, { qos: 2 })),
      ...["3.1", "3.1.1", "5"].map((version, at) =>
        mosquittoPub(
          ...[port, "-V", ["31", "311", "5"].map((v) => `mqttv${v}`)[at]!] as const,
          ...["-q", "2", "-t", `plant/mosquitto/${version}`, "-m", `mosquitto ${version}`],
        )
      ),
    ]);
    const expected = [
      ...each.map((n) => `2 plant/js js ${n}`),
      ...each.map((n) => `2 plant/old old ${n}`),
      ...["3.1", "3.1.1", "5"].map((v) => `2 plant/mosquitto/${v} mosquitto ${v}`),
      ...Array.from({ length: 30 }, (_, n) => `${n % 3} plant/paho paho ${n}`),
    ].sort();
    const total = expected.length;
    const ofJs = (await js.receive(total)).map((m) => `${m.qos} ${m.topic} ${m.payload}`);
    const ofOld = (await old.receive(total)).map((m) => `${m.qos} ${m.topic} ${m.payload}`);
    await sub.out.find(() => messages(sub).length >= total, `${total} messages`);
    await paho.out.count(1 + total, "paho");
    assert.deepEqual(ofJs.sort(), expected);
    assert.deepEqual(ofOld.sort(), expected);
    assert.deepEqual([...messages(sub)].sort(), expected);
    await js.client.publishAsync("plant/end", "end", { qos: 2 });
    assert.deepEqual((await paho.done()).slice(1).sort(), [...expected, "2 plant/end end"].sort());
    await sub.stop();
    await js.end();
    await old.end();
    await broker.stop();
    assert.deepEqual(broker.log().filter(({ level }) => level !== "info"), []);
  },
);
