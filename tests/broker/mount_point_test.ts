/** Clients of a mount point see a part of the tree as the whole, whatever way a message takes to them. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { encode } from "../../src/packet/encode.ts";
import type { ProtocolVersion } from "../../src/packet/packet.ts";
import type { Rules } from "../../src/policy/rules.ts";
import { matches } from "../../src/topic/matches.ts";
import { filters, names } from "../property/topics.ts";
import type { Caller } from "./caller.ts";
import type { DeskOptions } from "./desk.ts";
import { Desk } from "./desk.ts";
import { disconnectPacket, publishPacket, subscribePacket, willOf } from "./packets.ts";

const OPTIONS: DeskOptions = { limits: { topicLevels: 20 } };

/** The next client comes by a listener with that mount point. */
async function at(desk: Desk, mountPoint: string): Promise<void> {
  const rules: Rules = { ...desk.rules, mountPoint };
  await desk.feed({
    type: "rules",
    rules: { ...desk.rules, listeners: new Map([["desk", rules]]) },
  });
}

async function connectAt(desk: Desk, mountPoint: string, ...connect: Parameters<Desk["connect"]>) {
  await at(desk, mountPoint);
  return await desk.connect(...connect);
}

async function subscribed(client: Caller, filter: string, qos: 0 | 1 | 2 = 0): Promise<Caller> {
  await client.send(subscribePacket(1, [filter, qos]));
  const suback = client.packets.find(({ type }) => type === "suback");
  assert.deepEqual(suback?.type === "suback" && suback.reasonCodes, [qos]);
  return client;
}

/** Topic and payload of what has come. */
async function seen(client: Caller): Promise<readonly string[]> {
  const decoder = new TextDecoder();
  return (await client.drink()).map(({ topic, payload }) => `${topic} ${decoder.decode(payload)}`);
}

Deno.test("Broker.step() measures a packet by the topics that the client sees, at its Maximum Packet Size [MQTT-3.1.2-24]", async () => {
  await Desk.with(OPTIONS, async (desk) => {
    const outside = await connectAt(desk, "", "outside");
    for (const qos of [0, 1, 2] as const) {
      const properties = { responseTopic: "site1/r" };
      const packet = publishPacket("site1/a", "x".repeat(40), { qos, packetId: qos, properties });
      // Both topics lose `site1/` on their way.
      const maximumPacketSize = encode(packet, 5).length - 12;
      const options = { properties: { maximumPacketSize } };
      const inside = await connectAt(desk, "site1/", "inside", options);
      await subscribed(inside, "#", qos);
      await outside.send(packet, {
        ...packet,
        payload: new Uint8Array(41),
        packetId: qos && qos + 5,
      });
      const came = await inside.drink();
      assert.deepEqual(came.map(({ topic, payload }) => [topic, payload.length]), [["a", 40]]);
      assert.equal(inside.sizes.at(-1)! <= maximumPacketSize, true);
    }
  });
});

for (const version of [3, 4, 5] as const satisfies readonly ProtocolVersion[]) {
  for (const qos of [0, 1, 2] as const) {
    Deno.test(`Broker.step() takes topics in and out of the mount point in version ${version} with QoS ${qos}`, async () => {
      await Desk.with(OPTIONS, async (desk) => {
        const packetId = qos === 0 ? 0 : 7;
        const options = { protocolVersion: version };
        const inside = await connectAt(desk, "site1/", "inside", options);
        await subscribed(inside, "#", qos);
        const neighbour = await connectAt(desk, "site2/", "neighbour", options);
        await subscribed(neighbour, "#", qos);
        const outside = await connectAt(desk, "", "outside", options);
        await subscribed(outside, "#", qos);
        for (const client of [inside, neighbour, outside]) {
          await client.send(publishPacket("a/b", "m", { qos, packetId }));
          if (qos === 2) {
            await client.send({ type: "pubrel", packetId, reasonCode: 0, properties: undefined });
          }
        }
        await outside.send(publishPacket("site1/c", "x"), publishPacket("site1", "y"));
        await outside.send(publishPacket("site1/", "y"), publishPacket("site11/c", "y"));
        assert.deepEqual(await seen(inside), ["a/b m", "c x"]);
        assert.deepEqual(await seen(neighbour), ["a/b m"]);
        assert.deepEqual(await seen(outside), [
          "site1/a/b m",
          "site2/a/b m",
          "a/b m",
          "site1/c x",
          "site1 y",
          "site1/ y",
          "site11/c y",
        ]);
      });
    });
  }
}

Deno.test("Broker.step() gives retained messages and Wills below the mount point", async () => {
  await Desk.with(OPTIONS, async (desk) => {
    const outside = await connectAt(desk, "", "outside");
    for (const topic of ["site1/r", "site1", "site2/r", "r"]) {
      await outside.send(publishPacket(topic, topic, { retain: true }));
    }
    const inside = await connectAt(desk, "site1/", "inside", { will: willOf("w", "gone") });
    await inside.send(publishPacket("mine", "m", { retain: true }));
    const late = await subscribed(await connectAt(desk, "site1/", "late"), "#");
    assert.deepEqual([...await seen(late)].sort(), ["mine m", "r site1/r"]);
    await subscribed(outside, "#");
    await outside.drink();
    await inside.hangUp();
    assert.deepEqual(await seen(outside), ["site1/w gone"]);
    assert.deepEqual(await seen(late), ["w gone"]);
    // What is retained below it is cleared from there.
    await late.send(publishPacket("r", "", { retain: true }));
    const last = await subscribed(await connectAt(desk, "", "last"), "site1/r");
    assert.deepEqual(await seen(last), []);
  });
});

Deno.test("Broker.step() shares and delays below the mount point, and lets unsubscribe there", async () => {
  await Desk.with(OPTIONS, async (desk) => {
    const inside = await subscribed(await connectAt(desk, "site1/", "inside"), "$share/g/t/+", 1);
    const outside = await subscribed(await connectAt(desk, "", "outside"), "#");
    await outside.send(publishPacket("site1/t/1", "x", { packetId: 1 }));
    await outside.send(publishPacket("t/1", "no", { packetId: 2 }));
    assert.deepEqual(await seen(inside), ["t/1 x"]);
    await outside.drink();
    await inside.send(publishPacket("$delayed/5/t/d", "later"));
    assert.deepEqual(await seen(outside), []);
    await desk.pass(5);
    assert.deepEqual(await seen(outside), ["site1/t/d later"]);
    assert.deepEqual(await seen(inside), ["t/d later"]);
    await inside.send({
      type: "unsubscribe",
      packetId: 3,
      filters: ["$share/g/t/+"],
      userProperties: undefined,
    });
    inside.expect("unsuback #3 0");
    await outside.send(publishPacket("site1/t/1", "x"));
    inside.expect();
  });
});

Deno.test("Broker.step() uses Topic Aliases of both directions below the mount point", async () => {
  await Desk.with(
    { ...OPTIONS, limits: { topicAliasMaximum: 5, outgoingTopicAliases: 5 } },
    async (desk) => {
      const properties = { topicAliasMaximum: 5 };
      const inside = await subscribed(
        await connectAt(desk, "site1/", "in", { properties }),
        "#",
        1,
      );
      const outside = await subscribed(await connectAt(desk, "", "out"), "#");
      const by = (topic: string, topicAlias: number) =>
        publishPacket(topic, "m", { properties: { topicAlias } });
      await inside.send(by("a", 1), by("", 1), by("b", 1), by("", 1));
      assert.deepEqual(await seen(outside), ["site1/a m", "site1/a m", "site1/b m", "site1/b m"]);
      const got = await inside.drink();
      assert.deepEqual(
        got.map(({ topic, properties }) => [topic, properties?.topicAlias]),
        [["a", 1], ["", 1], ["b", 2], ["", 2]],
      );
    },
  );
});

Deno.test("Broker.step() does not let a client of a mount point at the broker's own topics", async () => {
  await Desk.with(OPTIONS, async (desk) => {
    const inside = await connectAt(desk, "site1/", "inside");
    const outside = await subscribed(await connectAt(desk, "", "outside"), "site1/#");
    for (const topic of ["$SYS/x", "$CONTROL/x"]) {
      await inside.send(publishPacket(topic, "m", { packetId: 1 }));
      inside.expect("puback #1");
    }
    assert.deepEqual(await seen(outside), ["site1/$SYS/x m", "site1/$CONTROL/x m"]);
  });
});

Deno.test("Broker.step() gives no message of elsewhere when a session comes to a mount point", async () => {
  await Desk.with(OPTIONS, async (desk) => {
    await at(desk, "");
    const before = await subscribed(await desk.keep("roamer"), "#", 1);
    const pump = await desk.connect("pump");
    await pump.send(publishPacket("secret", "in flight", { packetId: 1 }));
    assert.equal(before.publishes().length, 1); // and not acknowledged
    await before.send(disconnectPacket());
    await pump.send(publishPacket("secret", "queued", { packetId: 2 }));
    await pump.send(publishPacket("site1/open", "queued", { packetId: 3 }));
    await at(desk, "site1/");
    const here = await desk.keep("roamer");
    here.rewind();
    assert.deepEqual(await seen(here), ["open queued"]);
    for (const packetId of [0, 4]) {
      await pump.send(publishPacket("secret", "now", { packetId }));
      await pump.send(publishPacket("site1/open", "now", { packetId }));
    }
    assert.deepEqual(await seen(here), ["open now", "open now"]);
    await here.send(disconnectPacket());
    await at(desk, "");
    const back = await desk.keep("roamer");
    await pump.send(publishPacket("secret", "again", { packetId: 5 }));
    assert.deepEqual(await seen(back), ["secret again"]);
  });
});

Deno.test("Broker.step() refuses a topic that the mount point makes too long", async () => {
  await Desk.with(OPTIONS, async (desk) => {
    const inside = await connectAt(desk, "site1/", "inside");
    await inside.send(publishPacket("x".repeat(65_529), "fits"));
    inside.expect();
    await inside.send(publishPacket("x".repeat(65_530), "does not"));
    inside.expect("disconnect 0x90");
  });
});

Deno.test("Broker.step() gives a client of a mount point what its filters match there, and nothing else", async () => {
  const mountPoint = fc.constantFrom("", "a/", "a/b/", "aa/", "/");
  const qos = fc.constantFrom(0 as const, 1 as const);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(mountPoint, filters, qos, fc.boolean()), { minLength: 1, maxLength: 5 }),
      fc.array(fc.tuple(mountPoint, names, qos, fc.boolean()), { maxLength: 8 }),
      fc.boolean(),
      async (subscribers, messages, subscribeFirst) => {
        await Desk.with({}, async (desk) => {
          const clients: Caller[] = [];
          const subscribe = async () => {
            for (const [index, [mount, filter, qos, three]] of subscribers.entries()) {
              const protocolVersion = three ? 4 : 5;
              const client = await connectAt(desk, mount, `s${index}`, { protocolVersion });
              clients.push(await subscribed(client, filter, qos));
            }
          };
          if (subscribeFirst) await subscribe();
          const retained = new Map<string, string>();
          for (const [index, [mount, name, qos, three]] of messages.entries()) {
            const protocolVersion = three ? 4 : 5;
            const pump = await connectAt(desk, mount, `p${index}`, { protocolVersion });
            await pump.send(publishPacket(name, String(index), {
              qos,
              packetId: qos,
              retain: true,
            }));
            retained.set(mount + name, String(index));
          }
          const whole = messages.map(([mount, name], index) => [mount + name, String(index)]);
          if (!subscribeFirst) await subscribe();
          const sent = subscribeFirst ? whole : [...retained];
          for (const [index, [mount, filter]] of subscribers.entries()) {
            const expected = sent
              .filter(([name]) => name!.startsWith(mount) && name!.length > mount.length)
              .filter(([name]) => matches(mount + filter, name!))
              .map(([name, payload]) => `${name!.slice(mount.length)} ${payload}`);
            assert.deepEqual([...await seen(clients[index]!)].sort(), expected.sort());
          }
        });
      },
    ),
    { numRuns: 150 },
  );
});

Deno.test("Broker.step() gives a shared message to a member who sees its topic when others do not", async () => {
  await Desk.with(OPTIONS, async (desk) => {
    await at(desk, "");
    const before = await subscribed(await desk.keep("roamer"), "$share/g/#", 1);
    await before.send(disconnectPacket());
    await at(desk, "site1/");
    const roamer = await desk.keep("roamer");
    const stayer = await subscribed(await connectAt(desk, "", "stayer"), "$share/g/#", 1);
    const pump = await desk.connect("pump");
    for (const packetId of [0, 1, 0, 2]) {
      await pump.send(publishPacket("secret", "s", { packetId }));
      await pump.send(publishPacket("site1/open", "o", { packetId: packetId && packetId + 10 }));
    }
    const [here, there] = [await seen(roamer), await seen(stayer)];
    assert.ok(here.length > 0 && here.every((line) => line === "open o"), here.join());
    assert.equal(there.filter((line) => line === "secret s").length, 4);
    assert.equal(here.length + there.length, 8);
  });
});

/** The Response Topics of what has come, `-` for none. */
function responses(client: Caller): readonly string[] {
  return client.publishes().map(({ properties }) => properties?.responseTopic ?? "-");
}

const ASKED:
  readonly (readonly [from: string, said: string, seen: Readonly<Record<string, string>>])[] = [
    ["site1/", "resp/x", { "site1/": "resp/x", "": "site1/resp/x" }],
    ["site1/", "$delayed/5/resp", { "site1/": "$delayed/5/resp", "": "$delayed/5/site1/resp" }],
    ["site1/", "$share/x", { "site1/": "$share/x", "": "site1/$share/x" }],
    ["", "site1/resp/x", { "site1/": "resp/x", "": "site1/resp/x" }],
    ["", "site1/", { "site1/": "-", "": "site1/" }],
    ["", "site1", { "site1/": "-", "": "site1" }],
    ["", "other/resp", { "site1/": "-", "": "other/resp" }],
    ["", "$delayed/5/site1/resp", { "site1/": "$delayed/5/resp", "": "$delayed/5/site1/resp" }],
  ];

for (const qos of [0, 1] as const) {
  for (const [from, said, expected] of ASKED) {
    Deno.test(`Broker.step() gives the Response Topic ${said} of a client ${from === "" ? "outside" : "below"} as each sees it with QoS ${qos}`, async () => {
      await Desk.with(OPTIONS, async (desk) => {
        const properties = { topicAliasMaximum: 5 };
        const here = new Map<string, Caller>();
        for (const at of ["site1/", ""]) {
          const client = await connectAt(desk, at, `at-${at}`, { properties });
          here.set(at, await subscribed(client, at === "" ? "site1/req/#" : "req/#", qos));
          client.take();
        }
        const asker = await connectAt(desk, from, "asker");
        const topic = from === "" ? "site1/req/1" : "req/1";
        const packetId = qos === 0 ? 0 : 9;
        await asker.send(
          publishPacket(topic, "?", { qos, packetId, properties: { responseTopic: said } }),
        );
        for (const [at, client] of here) assert.deepEqual(responses(client), [expected[at]], at);
      });
    });
  }
}

Deno.test("Broker.step() takes an answer back to whoever asked when both are below the mount point", async () => {
  await Desk.with({ ...OPTIONS, responseInformation: "answers" }, async (desk) => {
    const asker = await connectAt(desk, "site1/", "asker", {
      properties: { requestResponseInformation: 1 },
    });
    const prefix = asker.connack.properties?.responseInformation;
    assert.equal(prefix, "answers/asker");
    await subscribed(asker, `${prefix}/#`);
    asker.take();
    const panel = await subscribed(await connectAt(desk, "site1/", "panel"), "req/#");
    panel.take();
    await asker.send(
      publishPacket("req/1", "?", { properties: { responseTopic: `${prefix}/7` } }),
    );
    const [request] = panel.publishes();
    await panel.send(publishPacket(request!.properties!.responseTopic!, "!"));
    assert.deepEqual(await seen(asker), ["answers/asker/7 !"]);
  });
});

Deno.test("Broker.step() gives the Response Topic of retained messages and Wills as each sees it", async () => {
  await Desk.with(OPTIONS, async (desk) => {
    const will = willOf("w", "gone");
    const inside = await connectAt(desk, "site1/", "inside", {
      will: { ...will, properties: { responseTopic: "resp/w" } },
    });
    const properties = { responseTopic: "resp/r" };
    await inside.send(publishPacket("r", "kept", { retain: true, properties }));
    const outside = await subscribed(await connectAt(desk, "", "outside"), "site1/#");
    const late = await subscribed(await connectAt(desk, "site1/", "late"), "#");
    await inside.hangUp();
    assert.deepEqual(responses(outside), ["site1/resp/r", "site1/resp/w"]);
    assert.deepEqual(responses(late), ["resp/r", "resp/w"]);
  });
});

Deno.test("Broker.step() leaves a Response Topic out when the mount point makes it too long", async () => {
  await Desk.with(OPTIONS, async (desk) => {
    const panel = await subscribed(await connectAt(desk, "", "panel"), "#");
    panel.take();
    const inside = await connectAt(desk, "site1/", "inside");
    for (const length of [65_529, 65_530]) {
      const properties = { responseTopic: "x".repeat(length), contentType: "kept" };
      await inside.send(publishPacket("a", "m", { properties }));
    }
    const came = panel.publishes().map(({ properties }) => properties);
    assert.deepEqual(came.map((each) => each?.responseTopic?.length), [65_535, undefined]);
    assert.deepEqual(came.map((each) => each?.contentType), ["kept", "kept"]);
  });
});
