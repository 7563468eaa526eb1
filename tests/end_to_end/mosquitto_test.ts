/** mosquitto_pub and mosquitto_sub against the real program, in all three versions. */

import assert from "node:assert/strict";
import { sharedBroker } from "./broker_process.ts";
import {
  messages,
  mosquittoPub,
  mosquittoSub,
  receive,
  startMosquittoSub,
} from "./client_process.ts";
import { toolTest } from "./tools.ts";

const broker = sharedBroker();
const needed = ["mosquitto_pub", "mosquitto_sub", "stdbuf"] as const;
const versions = ["mqttv31", "mqttv311", "mqttv5"] as const;

/** How messages are printed: QoS, retained, topic, payload. */
const FORMAT = ["-F", ">%q %r %t %p"];

for (const version of versions) {
  const V = ["-V", version];

  toolTest(needed, `mosquitto_sub gets QoS 0, 1 and 2 when the version is ${version}`, async () => {
    const { port } = broker();
    const sub = await mosquittoSub(port, ...V, ...FORMAT, "-q", "2", "-t", `${version}/qos/+`);
    for (const qos of ["0", "1", "2"]) {
      await mosquittoPub(port, ...V, "-q", qos, "-t", `${version}/qos/${qos}`, "-m", `m ${qos}`);
    }
    assert.deepEqual(await receive(sub, 3), [
      `0 0 ${version}/qos/0 m 0`,
      `1 0 ${version}/qos/1 m 1`,
      `2 0 ${version}/qos/2 m 2`,
    ]);
    await sub.stop();
  });

  toolTest(
    needed,
    `mosquitto_sub gets what QoS it asked for when the version is ${version}`,
    async () => {
      const { port } = broker();
      const sub = await mosquittoSub(port, ...V, ...FORMAT, "-q", "1", "-t", `${version}/cap/#`);
      for (const qos of ["2", "1", "0"]) {
        await mosquittoPub(port, ...V, "-q", qos, "-t", `${version}/cap/${qos}/x`, "-m", qos);
      }
      assert.deepEqual(await receive(sub, 3), [
        `1 0 ${version}/cap/2/x 2`,
        `1 0 ${version}/cap/1/x 1`,
        `0 0 ${version}/cap/0/x 0`,
      ]);
      await sub.stop();
    },
  );

  toolTest(
    needed,
    `mosquitto_sub gets the last retained message when the version is ${version}`,
    async () => {
      const { port } = broker();
      for (const [topic, payload] of [["a", "old"], ["a", "new"], ["b", "gone"], ["c/d", "deep"]]) {
        await mosquittoPub(
          port,
          ...V,
          "-q",
          "1",
          "-r",
          "-t",
          `${version}/kept/${topic}`,
          "-m",
          payload!,
        );
      }
      await mosquittoPub(port, ...V, "-q", "1", "-r", "-t", `${version}/kept/b`, "-n");
      const sub = await mosquittoSub(port, ...V, ...FORMAT, "-q", "1", "-t", `${version}/kept/#`);
      assert.deepEqual([...await receive(sub, 2)].sort(), [
        `1 1 ${version}/kept/a new`,
        `1 1 ${version}/kept/c/d deep`,
      ]);
      // Published now, it is not a retained message to those who are there.
      await mosquittoPub(port, ...V, "-q", "1", "-r", "-t", `${version}/kept/e`, "-m", "live");
      assert.equal((await receive(sub, 3))[2], `1 0 ${version}/kept/e live`);
      await sub.stop();
    },
  );

  toolTest(
    needed,
    `a Will is published when its client is killed and speaks ${version}`,
    async () => {
      const { port } = broker();
      const watch = await mosquittoSub(port, ...V, ...FORMAT, "-q", "2", "-t", `${version}/will/#`);
      const will = (name: string) => [
        ...["-t", "nothing", "--will-topic", `${version}/will/${name}`],
        ...["--will-payload", `${name} is gone`, "--will-qos", "2"],
      ];
      const polite = await mosquittoSub(port, ...V, ...will("polite"));
      await polite.stop("SIGTERM"); // sends DISCONNECT
      const killed = await mosquittoSub(port, ...V, ...will("killed"));
      await killed.stop("SIGKILL");
      const published = version === "mqttv5" ? ["polite", "killed"] : ["killed"];
      assert.deepEqual(
        await receive(watch, published.length),
        published.map((name) => `2 0 ${version}/will/${name} ${name} is gone`),
      );
      await watch.stop();
    },
  );

  toolTest(
    needed,
    `a session is kept while its subscriber is away and speaks ${version}`,
    async () => {
      const { port } = broker();
      const name = `stopped-${version}`;
      const session = [...V, ...FORMAT, "-c", "-i", name, "-q", "2", "-t", `${version}/away`];
      if (version === "mqttv5") session.push("-x", "600");
      const before = await mosquittoSub(port, ...session);
      await before.stop();
      const count = 20;
      for (let n = 1; n <= count; n++) {
        const qos = n % 3; // QoS 0 is not kept
        await mosquittoPub(port, ...V, "-q", `${qos}`, "-t", `${version}/away`, "-m", `${n}`);
      }
      const after = startMosquittoSub(port, ...session);
      await mosquittoPub(port, ...V, "-q", "2", "-t", `${version}/away`, "-m", "end");
      const got = [...await receive(after, 15)];
      // Order is kept for each QoS: a QoS 2 message is handed on two packets later than a QoS 1 message.
      const expected = (qos: number, more: readonly string[]) =>
        Array.from({ length: count }, (_, at) => at + 1).filter((n) => n % 3 === qos)
          .map(String).concat(more).map((n) => `${qos} 0 ${version}/away ${n}`);
      assert.deepEqual(got.filter((line) => line.startsWith("1")), expected(1, []));
      assert.deepEqual(got.filter((line) => line.startsWith("2")), expected(2, ["end"]));
      assert.equal(got.length, 15);
      await after.stop();
    },
  );
}

toolTest(needed, "mosquitto_sub gets matching topics only when it uses + and #", async () => {
  const { port } = broker();
  const sub = await mosquittoSub(
    port,
    ...FORMAT,
    "-t",
    "wild/+/x",
    "-t",
    "wild/deep/#",
    "-t",
    "wild",
  );
  const topics = [
    "wild/a/x",
    "wild/a/y",
    "wild/a/x/z",
    "wild/deep",
    "wild/deep/1/2",
    "wild",
    "wilder",
  ];
  for (const topic of topics) await mosquittoPub(port, "-q", "1", "-t", topic, "-m", "m");
  await mosquittoPub(port, "-q", "1", "-t", "wild", "-m", "end");
  await sub.out.find((line) => line === ">0 0 wild end", "the last message");
  assert.deepEqual(messages(sub), [
    "0 0 wild/a/x m",
    "0 0 wild/deep m",
    "0 0 wild/deep/1/2 m",
    "0 0 wild m",
    "0 0 wild end",
  ]);
  await sub.stop();
});

toolTest(
  needed,
  "mosquitto_sub shares messages out when two subscribe to one $share group",
  async () => {
    const { port } = broker();
    const shared = ["-V", "mqttv5", ...FORMAT, "-q", "1", "-t", "$share/crew/shared/jobs"];
    const [a, b] = [await mosquittoSub(port, ...shared), await mosquittoSub(port, ...shared)];
    const all = await mosquittoSub(port, ...FORMAT, "-q", "1", "-t", "shared/jobs");
    for (let n = 0; n < 10; n++) {
      await mosquittoPub(port, "-V", "mqttv5", "-q", "1", "-t", "shared/jobs", "-m", `${n}`);
    }
    const jobs = Array.from({ length: 10 }, (_, n) => `1 0 shared/jobs ${n}`);
    assert.deepEqual(await receive(all, 10), jobs);
    const [ofA, ofB] = [await receive(a, 5), await receive(b, 5)];
    assert.deepEqual([...ofA, ...ofB].sort(), jobs);
    assert.deepEqual([ofA.length, ofB.length], [5, 5]);
    for (const sub of [a, b, all]) await sub.stop();
  },
);

toolTest(needed, "mosquitto_sub gets the properties of a message when both speak 5.0", async () => {
  const { port } = broker();
  const format = ["-F", ">%t|%p|%C|%R|%D|%P|%S"];
  const sub = await mosquittoSub(
    ...[port, "-V", "5", ...format, "-D", "subscribe", "subscription-identifier", "77"] as const,
    ...["-t", "props/+"],
  );
  await mosquittoPub(
    ...[port, "-V", "5", "-t", "props/a", "-m", "21.5"] as const,
    ...["-D", "publish", "content-type", "text/plain"],
    ...["-D", "publish", "response-topic", "props/answer"],
    ...["-D", "publish", "correlation-data", "c1"],
    ...["-D", "publish", "user-property", "unit", "degree"],
  );
  assert.deepEqual(await receive(sub, 1), [
    "props/a|21.5|text/plain|props/answer|c1|unit:degree|77",
  ]);
  await sub.stop();
});
