/** Rules of access as clients meet them: who is let in, what is refused, what is withheld. */

import assert from "node:assert/strict";
import type { Authenticator } from "../../src/authentication/authenticator.ts";
import type { ProtocolVersion } from "../../src/packet/packet.ts";
import { AccessList } from "../../src/policy/access_list.ts";
import type { AccessRule } from "../../src/policy/access_rule.ts";
import type { Fact } from "../../src/session/fact.ts";
import type { Ban } from "../../src/policy/bans.ts";
import { Bans } from "../../src/policy/bans.ts";
import type { Caller } from "./caller.ts";
import type { DeskOptions } from "./desk.ts";
import { Desk } from "./desk.ts";
import {
  acknowledgement,
  disconnectPacket,
  publishPacket,
  subscribePacket,
  willOf,
} from "./packets.ts";

/** User `ada:operator,night` is ada with two roles. */
const withRoles: Authenticator = {
  verify({ username }) {
    const [user, roles] = (username ?? "").split(":");
    return {
      type: "accepted",
      identity: { user: user || undefined, roles: roles === undefined ? [] : roles.split(",") },
    };
  },
};

function under(rules: readonly AccessRule[], rest: DeskOptions = {}): DeskOptions {
  return { access: new AccessList(rules), authenticator: withRoles, ...rest };
}

async function newRules(desk: Desk, rules: readonly AccessRule[]): Promise<void> {
  await desk.feed({ type: "rules", rules: { ...desk.rules, access: new AccessList(rules) } });
}

function refusals(desk: Desk): (Fact & { type: "refused" })[] {
  return desk.facts.filter((fact) => fact.type === "refused");
}

const EVERYTHING: AccessRule = { permission: "allow" };

Deno.test("Broker.step() answers a denied PUBLISH with 0x87 when the client speaks 5.0", async () => {
  const rules: AccessRule[] = [{ name: "no x", permission: "deny", topics: "x/#" }, EVERYTHING];
  await Desk.with(under(rules, { deniedPublish: "disconnect" }), async (desk) => {
    const panel = await desk.connect("panel");
    await panel.send(subscribePacket(1, ["#", 2]));
    panel.take();
    const pump = await desk.connect("pump");
    await pump.send(
      publishPacket("x/1", "a", { packetId: 1 }),
      publishPacket("x/2", "b", { packetId: 2, qos: 2 }),
      publishPacket("x/3", "c"),
      publishPacket("y", "d", { packetId: 3 }),
    );
    const [puback, pubrec, fine] = pump.take();
    assert.deepEqual(puback, {
      type: "puback",
      packetId: 1,
      reasonCode: 0x87,
      properties: { reasonString: "the client may not publish to that topic" },
    });
    assert.equal(pubrec?.type === "pubrec" && pubrec.reasonCode, 0x87);
    assert.equal(fine?.type === "puback" && fine.reasonCode, 0);
    panel.expect("publish y q1 #1 d");
    assert.deepEqual(
      refusals(desk).map(({ clientId, topic, reasonCode, detail }) => [
        clientId,
        topic,
        reasonCode,
        detail,
      ]),
      ["x/1", "x/2", "x/3"].map((topic) => ["pump", topic, 0x87, 'access[0] "no x"']),
    );
  });
});

for (const version of [3, 4] as const satisfies readonly ProtocolVersion[]) {
  Deno.test(`Broker.step() acknowledges and drops a denied PUBLISH when the client speaks ${version} and deniedPublish is drop`, async () => {
    await Desk.with(under([{ permission: "deny", topics: "x" }, EVERYTHING]), async (desk) => {
      const panel = await desk.connect("panel");
      await panel.send(subscribePacket(1, ["#", 2]));
      panel.take();
      const pump = await desk.connect("pump", { protocolVersion: version });
      await pump.send(
        publishPacket("x", "a", { packetId: 1 }),
        publishPacket("x", "b", { packetId: 2, qos: 2 }),
        acknowledgement("pubrel", 2),
        publishPacket("x", "c"),
      );
      pump.expect("puback #1", "pubrec #2", "pubcomp #2");
      panel.expect();
      assert.equal(refusals(desk).length, 3);
    });
  });

  Deno.test(`Broker.step() ends the connection at a denied PUBLISH when the client speaks ${version} and deniedPublish is disconnect`, async () => {
    const options = under([{ permission: "deny", topics: "x" }, EVERYTHING], {
      deniedPublish: "disconnect",
    });
    await Desk.with(options, async (desk) => {
      for (const qos of [0, 1, 2] as const) {
        const pump = await desk.connect("pump", { protocolVersion: version });
        await pump.send(publishPacket("x", "a", { packetId: qos, qos }));
        pump.expect();
        assert.equal(pump.closed, true);
        assert.equal(desk.endOf("pump"), "refused");
      }
      assert.equal(refusals(desk).length, 3);
    });
  });
}

Deno.test("Broker.step() judges a delayed PUBLISH by the topic that it ends up at", async () => {
  await Desk.with(under([{ permission: "allow", topics: "a/#" }]), async (desk) => {
    const pump = await desk.connect("pump");
    await pump.send(
      publishPacket("$delayed/1/a/x", "1", { packetId: 1 }),
      publishPacket("$delayed/1/b", "2", { packetId: 2 }),
    );
    pump.expect("puback #1", "puback #2 0x87");
  });
});

for (const version of [4, 5] as const) {
  Deno.test(`Broker.step() refuses each filter that no rule covers when the client speaks ${version}`, async () => {
    const rules: AccessRule[] = [
      { permission: "deny", topics: "plant/dark/#" },
      { permission: "allow", topics: ["plant/#", "hall/+"] },
    ];
    await Desk.with(under(rules), async (desk) => {
      const panel = await desk.connect("panel", { protocolVersion: version });
      await panel.send(subscribePacket(
        1,
        ["plant/+/x", 1],
        ["hall/#", 1],
        ["plant/dark/a", 1],
        ["$share/g/#", 1],
        ["$share/g/hall/+", 1],
        ["#", 0],
      ));
      const no = version === 5 ? "0x87" : "0x80";
      panel.expect(`suback #1 1 ${no} ${no} ${no} 1 ${no}`);
      assert.deepEqual(
        refusals(desk).map(({ action, topic, detail }) => [action, topic, detail]),
        [
          ["subscribe", "hall/#", "no rule of access matches, which denies"],
          ["subscribe", "plant/dark/a", "access[0]"],
          ["subscribe", "$share/g/#", "no rule of access matches, which denies"],
          ["subscribe", "#", "no rule of access matches, which denies"],
        ],
      );
    });
  });

  Deno.test(`Broker.step() refuses a CONNECT that a rule denies when the client speaks ${version}`, async () => {
    const rules: AccessRule[] = [
      { name: "guests", permission: "deny", action: "connect", who: { clientId: "guest-*" } },
      { permission: "allow", action: "connect" },
      EVERYTHING,
    ];
    await Desk.with(under(rules), async (desk) => {
      const guest = await desk.connect("guest-1", { protocolVersion: version });
      assert.equal(guest.connack.reasonCode, 0x87); // 5 on the wire in 3.x, which stands for it
      assert.equal(
        guest.connack.properties?.reasonString,
        version === 5 ? "the client may not connect" : undefined,
      );
      assert.equal(guest.closed, true);
      assert.equal(desk.tables.clients.size, 0);
      assert.deepEqual(refusals(desk).map(({ action, detail }) => [action, detail]), [
        ["connect", 'access[0] "guests"'],
      ]);
      assert.equal((await desk.connect("desk", { protocolVersion: version })).closed, false);
    });
  });
}

Deno.test("Broker.step() does not end the connection of another when a CONNECT with its client id is denied", async () => {
  const rules: AccessRule[] = [
    { permission: "deny", action: "connect", who: { user: "eve" } },
    { permission: "allow", action: "connect" },
    EVERYTHING,
  ];
  await Desk.with(under(rules, { takeover: "any" }), async (desk) => {
    const pump = await desk.connect("pump", { username: "ada" });
    const eve = await desk.connect("pump", { username: "eve" });
    assert.equal(eve.connack.reasonCode, 0x87);
    assert.equal(pump.closed, false);
  });
});

Deno.test("Broker.step() refuses a CONNECT whose Will no rule permits, with its QoS and RETAIN", async () => {
  const rules: AccessRule[] = [
    { permission: "deny", action: "publish", retain: true },
    { permission: "allow", action: "publish", qos: [0, 1], topics: "will/${clientid}" },
  ];
  await Desk.with(under(rules), async (desk) => {
    const codeOf = async (...will: Parameters<typeof willOf>) =>
      (await desk.connect("a", { will: willOf(...will) })).connack.reasonCode;
    assert.equal(await codeOf("will/a", "x"), 0);
    assert.equal(await codeOf("will/b", "x"), 0x87);
    assert.equal(await codeOf("will/a", "x", { qos: 2 }), 0x87);
    assert.equal(await codeOf("will/a", "x", { retain: true }), 0x87);
    assert.equal(await codeOf("$delayed/9/will/a", "x"), 0);
    assert.equal(await codeOf("$delayed/9/will/b", "x"), 0x87);
    assert.equal(refusals(desk)[0]?.detail, "its Will: no rule of access matches, which denies");
  });
});

Deno.test("Broker.step() asks again when a Will is due, since the rules may be others", async () => {
  await Desk.with(under([EVERYTHING]), async (desk) => {
    const panel = await desk.connect("panel");
    await panel.send(subscribePacket(1, ["will/#", 0]));
    panel.take();
    const a = await desk.connect("a", { will: willOf("will/a", "x") });
    const b = await desk.connect("b", { will: willOf("will/b", "x") });
    await newRules(desk, [{ permission: "deny", action: "publish", topics: "will/a" }, EVERYTHING]);
    await a.hangUp();
    await b.hangUp();
    panel.expect("publish will/b q0 x");
    assert.equal(refusals(desk).at(-1)?.detail, "its Will: access[0]");
  });
});

Deno.test("Broker.step() withholds what a narrower rule denies from a wide subscription", async () => {
  const rules: AccessRule[] = [
    { permission: "deny", who: { not: { user: "ada" } }, topics: "plant/dark/#" },
    EVERYTHING,
  ];
  await Desk.with(under(rules), async (desk) => {
    const ada = await desk.connect("ada", { username: "ada" });
    const bob = await desk.connect("bob", { username: "bob" });
    const pump = await desk.connect("pump", { username: "ada" });
    await pump.send(publishPacket("plant/dark/r", "retained", { packetId: 9, retain: true }));
    for (const each of [ada, bob]) await each.send(subscribePacket(1, ["plant/#", 1]));
    ada.expect("suback #1 1", "publish plant/dark/r q1 #1 retain retained");
    bob.expect("suback #1 1");
    await pump.send(
      publishPacket("plant/dark/x", "0"),
      publishPacket("plant/dark/x", "1", { packetId: 1 }),
      publishPacket("plant/light", "2", { packetId: 2 }),
    );
    ada.expect(
      "publish plant/dark/x q0 0",
      "publish plant/dark/x q1 #2 1",
      "publish plant/light q1 #3 2",
    );
    bob.expect("publish plant/light q1 #1 2");
  });
});

Deno.test("Broker.step() drops and counts what is queued when the rules deny it at delivery", async () => {
  await Desk.with(under([EVERYTHING]), async (desk) => {
    const panel = await desk.keep("panel");
    await panel.send(subscribePacket(1, ["#", 2]));
    await panel.hangUp();
    const pump = await desk.connect("pump");
    await pump.send(
      publishPacket("a", "1", { packetId: 1 }),
      publishPacket("b", "2", { packetId: 2, qos: 2 }),
      publishPacket("a", "3", { packetId: 3, qos: 2 }),
      publishPacket("c", "4", { packetId: 4 }),
    );
    await newRules(desk, [{ permission: "deny", topics: "a" }, EVERYTHING]);
    const back = await desk.keep("panel");
    back.rewind();
    back.expect("publish b q2 #1 2", "publish c q1 #2 4");
    assert.deepEqual(desk.drops, { notPermitted: 2 });
    await back.send(acknowledgement("pubrec", 1), acknowledgement("pubcomp", 1));
    await back.send(acknowledgement("puback", 2));
    assert.equal(desk.tables.queuedMessages, 0);
    assert.equal((await desk.disk.load("panel", 10)).queued.length, 0);
  });
});

Deno.test("Broker.step() drops and counts what was sent and not acknowledged when the rules deny it at the resend", async () => {
  await Desk.with(under([EVERYTHING]), async (desk) => {
    const panel = await desk.keep("panel");
    await panel.send(subscribePacket(1, ["#", 2]));
    const pump = await desk.connect("pump");
    await pump.send(
      publishPacket("a", "1", { packetId: 1 }),
      publishPacket("a", "2", { packetId: 2, qos: 2 }),
      publishPacket("b", "3", { packetId: 3 }),
    );
    await panel.hangUp();
    await newRules(desk, [{ permission: "deny", topics: "a" }, EVERYTHING]);
    const back = await desk.keep("panel");
    back.rewind();
    back.expect("publish b q1 #3 dup 3");
    assert.deepEqual(desk.drops, { notPermitted: 2 });
    await back.send(acknowledgement("puback", 3));
    assert.equal((await desk.disk.load("panel", 10)).inflight.length, 0);
  });
});

Deno.test("Broker.step() drops and counts what is due for the timed resend of 3.x when the rules deny it", async () => {
  const options = under([EVERYTHING], { limits: { retryInterval: 10 } });
  await Desk.with(options, async (desk) => {
    const panel = await desk.keep("panel", 4);
    await panel.send(subscribePacket(1, ["#", 1]));
    const pump = await desk.connect("pump");
    await pump.send(
      publishPacket("a", "1", { packetId: 1 }),
      publishPacket("b", "2", { packetId: 2 }),
    );
    panel.take();
    await newRules(desk, [{ permission: "deny", topics: "a" }, EVERYTHING]);
    await desk.pass(21);
    assert.ok(panel.lines().every((line) => line === "publish b q1 #2 dup 2"));
    assert.deepEqual(desk.drops, { notPermitted: 1 });
  });
});

Deno.test("Broker.step() judges what a client that is away may have by who it was, after a restart too", async () => {
  const rules: AccessRule[] = [
    { permission: "allow", who: { clientId: "pump" } },
    {
      permission: "allow",
      who: { listener: "desk", role: "night" },
      topics: "night/${clientid}/#",
    },
    { permission: "allow", who: { address: "desk:*" }, topics: "desk" },
    { permission: "allow", action: "subscribe", topics: "=#" },
  ];
  await Desk.with(under(rules), async (desk) => {
    const panel = await desk.keep("panel", 5, { username: "ada:night" });
    await panel.send(subscribePacket(1, ["#", 1]));
    panel.expect("suback #1 1");
    await panel.hangUp();
    await desk.restart();
    const pump = await desk.connect("pump");
    await pump.send(
      publishPacket("night/panel/x", "1", { packetId: 1 }),
      publishPacket("night/other/x", "2", { packetId: 2 }),
      publishPacket("desk", "3", { packetId: 3 }),
    );
    const back = await desk.keep("panel", 5, { username: "ada:night" });
    back.rewind();
    back.expect("publish night/panel/x q1 #1 1", "publish desk q1 #2 3");
  });
});

Deno.test("Broker.step() forgets what it kept of a client's rights when it comes back with others", async () => {
  const rules: AccessRule[] = [
    { permission: "allow", who: { role: "night" }, topics: "#" },
    { permission: "allow", topics: "day" },
    { permission: "allow", action: "subscribe", topics: "=#" },
  ];
  await Desk.with(under([EVERYTHING]), async (desk) => {
    const panel = await desk.keep("panel", 5, { username: "ada:night" });
    await panel.send(subscribePacket(1, ["#", 0]));
    await newRules(desk, rules);
    const pump = await desk.connect("pump", { username: "pump:night" });
    await pump.send(publishPacket("dark", "1"), publishPacket("day", "2"));
    panel.expect("suback #1 0", "publish dark q0 1", "publish day q0 2");
    const back = await desk.keep("panel", 5, { username: "ada" }); // takes over
    back.rewind();
    await pump.send(publishPacket("dark", "3"), publishPacket("day", "4"));
    back.expect("publish day q0 4");
    const again = await desk.keep("panel", 5, { username: "ada:night" });
    again.rewind();
    await pump.send(publishPacket("dark", "5"));
    again.expect("publish dark q0 5");
  });
});

const GROUP: AccessRule[] = [
  { permission: "deny", who: { user: "bob" }, topics: "dark/#" },
  EVERYTHING,
];

for (const qos of [0, 1, 2] as const) {
  Deno.test(`Broker.step() gives a message with QoS ${qos} to a member of the group that may have it`, async () => {
    await Desk.with(under(GROUP), async (desk) => {
      const ada = await desk.connect("ada", { username: "ada" });
      const bob = await desk.connect("bob", { username: "bob" });
      for (const each of [ada, bob]) await each.send(subscribePacket(1, ["$share/g/#", qos]));
      const pump = await desk.connect("pump");
      const toAda = [], toBob = [];
      for (let n = 1; n <= 6; n++) {
        await pump.send(
          publishPacket(n % 3 === 0 ? "light" : "dark/x", `${n}`, { qos, packetId: qos && n }),
        );
        toAda.push(...(await ada.drink()).map(({ topic }) => topic));
        toBob.push(...(await bob.drink()).map(({ topic }) => topic));
      }
      assert.equal(toAda.length + toBob.length, 6);
      assert.ok(toBob.every((topic) => topic === "light"));
      assert.ok(toBob.length > 0);
    });
  });

  Deno.test(`Broker.step() drops and counts a message with QoS ${qos} that nobody in the group may have`, async () => {
    await Desk.with(under(GROUP), async (desk) => {
      const bob = await desk.keep("bob", 5, { username: "bob" });
      await bob.send(subscribePacket(1, ["$share/g/#", 2]));
      const pump = await desk.connect("pump");
      await pump.send(publishPacket("dark/x", "1", { qos, packetId: qos && 1 }));
      bob.expect("suback #1 2");
      assert.deepEqual(desk.drops, { notPermitted: 1 });
    });
  });
}

Deno.test("Broker.step() leaves what a member may not have in the queue of the group, and goes on behind it", async () => {
  await Desk.with(under(GROUP), async (desk) => {
    const ada = await desk.keep("ada", 5, { username: "ada" });
    const bob = await desk.keep("bob", 5, { username: "bob" });
    for (const each of [ada, bob]) await each.send(subscribePacket(1, ["$share/g/#", 1]));
    await ada.hangUp();
    await bob.hangUp();
    const pump = await desk.connect("pump");
    await pump.send(
      publishPacket("dark/1", "1", { packetId: 1 }),
      publishPacket("light", "2", { packetId: 2 }),
      publishPacket("dark/2", "3", { packetId: 3 }),
      publishPacket("light", "4", { packetId: 4 }),
    );
    const bobBack = await desk.keep("bob", 5, { username: "bob" });
    bobBack.rewind();
    assert.deepEqual((await bobBack.drink()).map(({ topic }) => topic), ["light", "light"]);
    const adaBack = await desk.keep("ada", 5, { username: "ada" });
    adaBack.rewind();
    assert.deepEqual((await adaBack.drink()).map(({ topic }) => topic), ["dark/1", "dark/2"]);
    assert.equal(desk.tables.queuedMessages, 0);
    assert.deepEqual(desk.drops, {});
  });
});

Deno.test("Broker.step() moves what waits for a group when new rules let a member have it, or nobody", async () => {
  await Desk.with(under(GROUP), async (desk) => {
    const ada = await desk.keep("ada", 5, { username: "ada" });
    const bob = await desk.keep("bob", 5, { username: "bob" });
    for (const each of [ada, bob]) await each.send(subscribePacket(1, ["$share/g/#", 1]));
    await ada.hangUp();
    bob.take();
    const pump = await desk.connect("pump");
    await pump.send(
      publishPacket("dark/1", "1", { packetId: 1 }),
      publishPacket("dark/2", "2", { packetId: 2 }),
    );
    bob.expect();
    await newRules(desk, [{ permission: "deny", topics: "dark/2" }, EVERYTHING]);
    bob.expect("publish dark/1 q1 #1 1");
    assert.deepEqual(desk.drops, { notPermitted: 1 });
    assert.equal(desk.tables.queuedMessages, 0);
  });
});

/** What a client may call itself, and what it must not gain by that. */
const hostile = ["+", "#", "a/b", "other/#", "+/x", "$SYS", "x/../other"];
for (const name of hostile) {
  Deno.test(`Broker.step() gives a client no more for calling itself ${name}`, async () => {
    const rules: AccessRule[] = [
      { permission: "allow", who: { user: "pump" } },
      { permission: "allow", topics: ["dev/${clientid}/#", "home/${username}/#", "${username}/#"] },
    ];
    await Desk.with(under(rules), async (desk) => {
      const eve = await desk.connect(name, { username: name });
      const wanted = [
        "#",
        "dev/#",
        "dev/+/#",
        `dev/${name}`,
        `home/${name}`,
        "other/#",
        "$SYS/#",
        "+/x",
      ]
        .filter((each) => !/[^/]#|#./.test(each) && !/[^/]\+|\+[^/]/.test(each));
      await eve.send(subscribePacket(1, ...wanted.map((each) => [each, 1] as const)));
      const codes = eve.take().flatMap((packet) =>
        packet.type === "suback" ? packet.reasonCodes : []
      );
      assert.equal(codes.length, wanted.length);
      wanted.forEach((each, at) => {
        const own = name === "$SYS" && (each === "dev/$SYS" || each === "home/$SYS");
        assert.equal(codes[at], own ? 1 : 0x87, each);
      });
      await eve.send(
        publishPacket("dev/other/x", "1", { packetId: 1 }),
        publishPacket("other/x", "2", { packetId: 2 }),
      );
      eve.expect("puback #1 0x87", "puback #2 0x87");
      const pump = await desk.connect("p", { username: "pump" });
      await pump.send(publishPacket("dev/other/x", "1"), publishPacket("other/x", "2"));
      eve.expect();
    });
  });
}

Deno.test("Broker.step() takes what a client offers for a user name as none when nobody has proven it", async () => {
  const anonymous: Authenticator = {
    verify: () => ({ type: "accepted", identity: { user: undefined, roles: [] } }),
  };
  const rules: AccessRule[] = [{ permission: "allow", who: { user: "*" } }, {
    permission: "allow",
    topics: "${username}",
  }];
  await Desk.with(under(rules, { authenticator: anonymous }), async (desk) => {
    const eve = await desk.connect("eve", { username: "ada" });
    await eve.send(publishPacket("ada", "1", { packetId: 1 }));
    eve.expect("puback #1 0x87");
  });
});

Deno.test("Broker.step() keeps the exchange of QoS 2 that it has begun when the rules become others", async () => {
  await Desk.with(under([EVERYTHING]), async (desk) => {
    const panel = await desk.connect("panel");
    await panel.send(subscribePacket(1, ["a", 2]));
    panel.take();
    const pump = await desk.keep("pump");
    const publish = publishPacket("a", "1", { packetId: 1, qos: 2 });
    await pump.send(publish);
    await newRules(desk, [{ permission: "deny", action: "publish" }, EVERYTHING]);
    await pump.send({ ...publish, dup: true }, acknowledgement("pubrel", 1), disconnectPacket());
    pump.expect("pubrec #1", "pubrec #1", "pubcomp #1");
    panel.expect("publish a q2 #1 1");
  });
});

/** With rules of their own, as JSON in the password. */
const withOwnRules: Authenticator = {
  verify({ username, password }) {
    const rules = password === undefined
      ? undefined
      : JSON.parse(new TextDecoder().decode(password));
    return {
      type: "accepted",
      identity: { user: username, roles: [], ...(rules === undefined ? {} : { rules }) },
    };
  },
};

function password(rules: readonly AccessRule[]): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(rules));
}

Deno.test("Broker.step() asks a client's own rules first, for it alone, after a restart too", async () => {
  const rules: AccessRule[] = [{ permission: "deny", topics: "own/#" }, EVERYTHING];
  await Desk.with(under(rules, { authenticator: withOwnRules }), async (desk) => {
    const own: AccessRule[] = [
      { permission: "deny", topics: "own/dark" },
      { permission: "allow", topics: "own/#" },
    ];
    const more = { username: "ada", password: password(own) };
    const panel = await desk.keep("panel", 5, more);
    await panel.send(subscribePacket(1, ["own/#", 1], ["other", 1]));
    panel.expect("suback #1 1 1");
    const bob = await desk.connect("bob");
    await bob.send(subscribePacket(1, ["own/#", 1]), publishPacket("own/a", "no", { packetId: 2 }));
    bob.expect("suback #1 0x87", "puback #2 0x87");
    await panel.send(
      publishPacket("own/a", "1", { packetId: 2 }),
      publishPacket("own/dark", "2", { packetId: 3 }),
    );
    panel.expect("puback #2", "publish own/a q1 #1 1", "puback #3 0x87");
    await panel.send(acknowledgement("puback", 1));
    await panel.hangUp();
    await desk.restart();
    const pump = await desk.connect("pump", {
      username: "pump",
      password: password([EVERYTHING]),
    });
    await pump.send(
      publishPacket("own/b", "3", { packetId: 1 }),
      publishPacket("own/dark", "4", { packetId: 2 }),
    );
    const back = await desk.keep("panel", 5, more);
    back.rewind();
    back.expect("publish own/b q1 #1 3");
  });
});

Deno.test("Broker.step() forgets a client's own rules when it comes back without them", async () => {
  await Desk.with(under([], { authenticator: withOwnRules }), async (desk) => {
    const own: AccessRule[] = [{ permission: "allow", topics: ["a", "b"] }];
    const panel = await desk.keep("panel", 5, { username: "ada", password: password(own) });
    await panel.send(subscribePacket(1, ["a", 0], ["c", 0]));
    panel.expect("suback #1 0 0x87");
    const pump = await desk.connect("pump");
    await pump.send(publishPacket("a", "1"), publishPacket("c", "2"));
    panel.expect("publish a q0 1");
    await panel.hangUp();
    const other: AccessRule[] = [{ permission: "deny", topics: "a" }];
    const back = await desk.keep("panel", 5, { username: "ada", password: password(other) });
    await pump.send(publishPacket("a", "3"));
    back.expect();
    await back.hangUp();
    const free = await desk.keep("panel", 5, { username: "ada" });
    await pump.send(publishPacket("a", "4"));
    free.expect("publish a q0 4");
  });
});

for (const share of ["", "$share/g/"]) {
  Deno.test(`Broker.step() withholds what a rule denies for its QoS or RETAIN from ${share === "" ? "a subscription" : "a shared one"}`, async () => {
    const rules: AccessRule[] = [
      { permission: "deny", action: "receive", qos: 2, topics: "q/#" },
      { permission: "deny", action: "receive", retain: true, topics: "r/#" },
      EVERYTHING,
    ];
    await Desk.with(under(rules), async (desk) => {
      const panel = await desk.connect("panel");
      const low = await desk.connect("low");
      const options = { qos: 2, retainAsPublished: true } as const;
      await panel.send(subscribePacket(1, [`${share}q/#`, 2], [`${share}r/#`, options]));
      panel.take();
      const pump = await desk.connect("pump");
      await pump.send(
        publishPacket("q/a", "0"),
        publishPacket("q/a", "1", { packetId: 1 }),
        publishPacket("q/a", "2", { packetId: 2, qos: 2 }),
        publishPacket("r/a", "3"),
        publishPacket("r/a", "4", { retain: true }),
        publishPacket("r/b", "5", { packetId: 3, retain: true }),
        publishPacket("r/b", "6", { packetId: 4 }),
      );
      panel.expect(
        "publish q/a q0 0",
        "publish q/a q1 #1 1",
        "publish r/a q0 3",
        "publish r/b q1 #2 6",
      );
      // What is sent with less is another matter, and so is what is not sent as retained.
      await pump.hangUp();
      await panel.hangUp();
      await low.send(subscribePacket(1, [`${share}q/#`, 1], [`${share}r/#`, 0]));
      low.expect("suback #1 1 0");
      const again = await desk.connect("pump");
      await again.send(
        publishPacket("q/a", "2", { packetId: 2, qos: 2 }),
        publishPacket("r/a", "4", { retain: true }),
      );
      low.expect("publish q/a q1 #1 2", "publish r/a q0 4");
    });
  });
}

Deno.test("Broker.step() asks about the QoS of what is queued when the rules are new", async () => {
  await Desk.with(under([EVERYTHING]), async (desk) => {
    const panel = await desk.keep("panel");
    await panel.send(subscribePacket(1, ["a", 2]));
    await panel.hangUp();
    const pump = await desk.connect("pump");
    await pump.send(
      publishPacket("a", "1", { packetId: 1 }),
      publishPacket("a", "2", { packetId: 2, qos: 2 }),
    );
    await newRules(desk, [{ permission: "deny", action: "receive", qos: 1 }, EVERYTHING]);
    const back = await desk.keep("panel");
    back.rewind();
    back.expect("publish a q2 #1 2");
    assert.deepEqual(desk.drops, { notPermitted: 1 });
  });
});

for (const version of [3, 4, 5] as const satisfies readonly ProtocolVersion[]) {
  Deno.test(`Broker.step() sends off who may not connect any more when the rules are new and it speaks ${version}`, async () => {
    const admit = (...users: string[]): AccessRule[] => [
      { name: "these", permission: "allow", action: "connect", who: { user: users } },
      EVERYTHING,
    ];
    await Desk.with(under(admit("ada", "bob")), async (desk) => {
      const ada = await desk.keep("ada", version, {
        username: "ada",
        will: willOf("will/ada", "gone"),
      });
      const bob = await desk.connect("bob", { username: "bob" });
      await bob.send(subscribePacket(1, ["will/#", 0]));
      await ada.send(subscribePacket(1, ["kept", 1]));
      ada.take();
      bob.take();
      await newRules(desk, admit("ada", "eve", "bob"));
      ada.expect();
      assert.equal(ada.closed, false);
      await newRules(desk, admit("bob"));
      const [disconnect] = ada.take();
      if (version === 5) {
        assert.ok(disconnect?.type === "disconnect");
        assert.equal(disconnect.reasonCode, 0x87);
        assert.equal(disconnect.properties?.reasonString, "the client may not connect");
      } else assert.equal(disconnect, undefined);
      assert.equal(ada.closed, true);
      assert.equal(desk.endOf("ada"), "refused");
      assert.equal(bob.closed, false);
      bob.expect("publish will/ada q0 gone");
      assert.deepEqual(
        refusals(desk).map(({ clientId, action, reasonCode }) => [clientId, action, reasonCode]),
        [["ada", "connect", 0x87]],
      );
      assert.equal(desk.tables.clients.get("ada")?.session.subscriptions.size, 1);
      const knock = await desk.keep("ada", version, { username: "ada" });
      assert.equal(knock.connack.reasonCode, 0x87);
      await newRules(desk, admit("ada", "bob"));
      const back = await desk.keep("ada", version, { username: "ada" });
      assert.equal(back.connack.reasonCode, 0);
      assert.equal(back.connack.sessionPresent, version !== 3);
    });
  });
}

Deno.test("Broker.step() turns away with 0x8a who waits for its session, and closes who has not said who it is, when they are banned", async () => {
  await Desk.with({}, async (desk) => {
    await (await desk.keep("ada", 5)).hangUp();
    desk.hold(true);
    const ada = await desk.keep("ada", 5);
    const silent = await desk.dial();
    for (const caller of [ada, silent]) assert.equal(caller.packets.length, 0);
    await desk.feed({ type: "banned", kind: "clientId", value: "ada" });
    await desk.feed({ type: "banned", kind: "address", value: "desk" });
    await desk.letGo();
    assert.equal(ada.connack.reasonCode, 0x8a);
    assert.equal(ada.closed, true);
    silent.expect();
    assert.equal(silent.closed, true);
  });
});

Deno.test("Broker.step() turns away who waits for its session when the rules do not let it connect any more", async () => {
  await Desk.with(under([EVERYTHING]), async (desk) => {
    await (await desk.keep("ada", 5, { username: "ada" })).hangUp();
    desk.hold(true);
    const ada = await desk.keep("ada", 5, { username: "ada" });
    assert.equal(ada.packets.length, 0);
    await newRules(desk, [{ permission: "deny", action: "connect", who: { user: "ada" } }, {
      permission: "allow",
      action: "connect",
    }, EVERYTHING]);
    await desk.letGo();
    assert.equal(ada.connack.reasonCode, 0x87);
    assert.equal(ada.closed, true);
    assert.equal(desk.tables.clients.get("ada")?.live, undefined);
  });
});

/** [what is banned, its value, whom it hits] */
const BANS = [
  ["user", "ada", ["a", "b"]],
  ["clientId", "b", ["b"]],
  ["address", "192.0.2.1", ["b", "d"]],
  ["address", "192.0.2.2", []],
  ["address", "2001:db8:0:0:0:0:0:0/64", ["c"]],
  ["user", "c", []],
] as const;
const PEERS = {
  a: ["192.0.2.10:7", "ada"],
  b: ["192.0.2.1:70", "ada"],
  c: ["[2001:db8::7]:1", "carl"],
  d: ["[::ffff:192.0.2.1]:9", undefined],
} as const;

for (const [kind, value, hit] of BANS) {
  Deno.test(`Broker.step() ends ${hit.join(" and ") || "nobody"} when a ban is about ${kind} ${value}`, async () => {
    await Desk.with({}, async (desk) => {
      const callers = new Map<string, Caller>();
      for (const [clientId, [address, username]] of Object.entries(PEERS)) {
        const caller = await desk.connect(clientId, { username });
        callers.set(clientId, caller);
        const live = desk.tables.clients.get(clientId)!.live!;
        live.connection = { ...live.connection, peer: { ...live.connection.peer, address } };
      }
      const bans = new Bans(10);
      const told: Ban[] = [];
      bans.watch((ban) => told.push(ban));
      bans.add({ kind, value, until: desk.now + 1_000, reason: "test" }, desk.now);
      for (const ban of told) await desk.feed({ type: "banned", kind: ban.kind, value: ban.value });
      const ended = [...callers].filter(([, { closed }]) => closed).map(([clientId]) => clientId);
      assert.deepEqual(ended, hit);
      for (const clientId of hit) {
        const [disconnect] = callers.get(clientId)!.take();
        assert.ok(disconnect?.type === "disconnect");
        assert.equal(disconnect.reasonCode, 0x87); // 0x8a is none of DISCONNECT
        assert.equal(disconnect.properties?.reasonString, "it is banned for a time");
        assert.equal(desk.endOf(clientId), "kicked");
      }
    });
  });
}

Deno.test("Broker.step() asks about a part of the clients a turn when there are many rules, and about all of them in the end", async () => {
  const many = (user: string): AccessRule[] => [
    ...Array.from({ length: 9_998 }, (_, at): AccessRule => ({
      permission: "deny",
      action: "connect",
      who: { user: `nobody ${at}` },
    })),
    { permission: "deny", action: "connect", who: { user } },
    { permission: "allow", action: "connect" },
  ];
  await Desk.with(under([{ permission: "allow", action: "connect" }]), async (desk) => {
    const clients: Caller[] = [];
    for (let at = 0; at < 300; at++) {
      clients.push(await desk.connect(`c${at}`, { username: at % 3 === 0 ? "bad" : "good" }));
    }
    const open = () => desk.tables.connections.size;
    desk.runtime.feed({
      type: "rules",
      rules: { ...desk.rules, access: new AccessList(many("x")) },
    });
    desk.runtime.feed({
      type: "rules",
      rules: { ...desk.rules, access: new AccessList(many("bad")) },
    });
    assert.ok(open() > 200, `${open()} are left after the first turn`);
    desk.runtime.endTurn();
    await desk.turn();
    assert.equal(open(), 200);
    assert.ok(clients.every(({ closed }, at) => closed === (at % 3 === 0)));
    assert.equal(desk.tables.turningOut, undefined);
  });
});
