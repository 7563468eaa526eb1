/** Enhanced authentication and re-authentication as the broker holds them. MQTT 5.0 sections 4.12 and 3.15. */

import assert from "node:assert/strict";
import { withMethods } from "../../src/authentication/authenticator.ts";
import { anonymousOnly } from "../../src/authentication/authenticator.ts";
import type { Method } from "../../src/authentication/method.ts";
import type { Connect, Packet } from "../../src/packet/packet.ts";
import type { Verdict } from "../../src/policy/identity.ts";
import type { Caller } from "./caller.ts";
import type { DeskOptions } from "./desk.ts";
import { Desk } from "./desk.ts";
import {
  connectPacket,
  disconnectPacket,
  publishPacket,
  subscribePacket,
  willOf,
} from "./packets.ts";

const TO_BYTES = new TextEncoder();
const TO_TEXT = new TextDecoder();

/** What a method says when it is told. */
class Teller implements Method {
  readonly name = "TELL";
  /** Verdicts that wait: one for each `later`. */
  readonly waiting: ((verdict: Verdict) => void)[] = [];

  /**
   * `ask` continues, `much` with 1,000 bytes; `user NAME [ROLES]` accepts with the data `welcome`; `mute NAME` without data; `refuse N`
   * refuses with a code; `later` leaves the verdict to the test; `throw` and `reject` break the rules.
   */
  begin() {
    return { step: (data: Uint8Array | undefined) => this.#answer(data) };
  }

  #answer(data: Uint8Array | undefined): Verdict | Promise<Verdict> {
    const [word, name = "", ...roles] = data === undefined
      ? ["ask"]
      : TO_TEXT.decode(data).split(" ");
    switch (word) {
      case "ask":
        return { type: "continue", data: TO_BYTES.encode("who?") };
      case "much":
        return { type: "continue", data: new Uint8Array(1_000) };
      case "user":
        return accepted(name, roles);
      case "mute":
        return { type: "accepted", identity: { user: name, roles } };
      case "refuse":
        return { type: "refused", reason: Number(name), detail: "told so" };
      case "later":
        return new Promise((resolve) => this.waiting.push(resolve));
      case "reject":
        return Promise.reject(new Error("the method is broken"));
      default:
        throw new Error("the method is broken");
    }
  }
}

function accepted(user: string, roles: readonly string[] = []): Verdict {
  return { type: "accepted", identity: { user, roles }, data: TO_BYTES.encode("welcome") };
}

function auth(reasonCode: number, data?: string, method: string | undefined = "TELL"): Packet {
  return {
    type: "auth",
    reasonCode,
    properties: {
      ...(method === "" ? {} : { authenticationMethod: method }),
      ...(data === undefined ? {} : { authenticationData: TO_BYTES.encode(data) }),
    },
  };
}

function asking(data: string | undefined, rest: Partial<Connect> = {}): Partial<Connect> {
  return {
    ...rest,
    properties: {
      ...rest.properties,
      authenticationMethod: "TELL",
      ...(data === undefined ? {} : { authenticationData: TO_BYTES.encode(data) }),
    },
  };
}

/** `auth 0x18 TELL who?`: the parts of AUTH and CONNACK that matter here. */
function told(packets: readonly Packet[]): readonly string[] {
  return packets.map((packet) => {
    if (packet.type !== "auth" && packet.type !== "connack" && packet.type !== "disconnect") {
      return packet.type;
    }
    const { authenticationMethod: method, authenticationData: data } =
      (packet.properties ?? {}) as {
        authenticationMethod?: string;
        authenticationData?: Uint8Array;
      };
    return [packet.type, `0x${packet.reasonCode.toString(16).padStart(2, "0")}`]
      .concat(method ?? [], data === undefined ? [] : TO_TEXT.decode(data)).join(" ");
  });
}

interface Scene {
  readonly desk: Desk;
  readonly teller: Teller;
}

async function scene(
  work: (scene: Scene) => Promise<void>,
  options: DeskOptions = {},
): Promise<void> {
  const teller = new Teller();
  const authenticator = withMethods(anonymousOnly, [teller]);
  await Desk.with({ authenticator, ...options }, (desk) => work({ desk, teller }));
}

/** A client that has been let in as `ada`. */
async function ada(desk: Desk, rest: Partial<Connect> = {}): Promise<Caller> {
  const client = await desk.connect("pump", asking("user ada", rest));
  assert.deepEqual(told(client.packets), ["connack 0x00 TELL welcome"]);
  return client;
}

Deno.test("Broker.step() lets a client in when its method takes one, two or three steps [MQTT-4.12.0-2] [MQTT-4.12.0-5]", async () => {
  await scene(async ({ desk }) => {
    await ada(desk);
    for (const data of [undefined, "ask"]) {
      const client = await desk.connect("panel", asking(data));
      assert.deepEqual(told(client.packets), ["auth 0x18 TELL who?"]);
      await client.send(auth(0x18));
      await client.send(auth(0x18, "mute bob"));
      assert.deepEqual(told(client.packets).slice(1), ["auth 0x18 TELL who?", "connack 0x00 TELL"]);
      await client.send(publishPacket("t", "m"));
      assert.equal(client.closed, false);
    }
    assert.equal(desk.tables.clients.get("panel")!.session.owner.user, "bob");
  });
});

Deno.test("Broker.step() names no method in CONNACK when CONNECT named none [MQTT-4.12.0-6]", async () => {
  await scene(async ({ desk }) => {
    const client = await desk.connect("plain");
    assert.deepEqual(told(client.packets), ["connack 0x00"]);
  });
});

Deno.test("Broker.step() turns a client away with 0x8C when its method is not on offer [MQTT-4.12.0-1]", async () => {
  for (const options of [{}, { authenticator: anonymousOnly }]) {
    await scene(async ({ desk }) => {
      const client = await desk.connect("pump", {
        properties: { authenticationMethod: "OTHER", authenticationData: TO_BYTES.encode("ask") },
      });
      assert.deepEqual(told(client.packets), ["connack 0x8c"]);
      assert.ok(client.closed);
    }, options);
  }
});

Deno.test("Broker.step() turns a client away when an authenticator asks for AUTH and CONNECT named no method [MQTT-4.12.0-6]", async () => {
  const authenticator = { verify: () => ({ type: "continue", data: undefined } as const) };
  await Desk.with({ authenticator }, async (desk) => {
    const client = await desk.connect("pump");
    assert.deepEqual(told(client.packets), ["connack 0x83"]);
    assert.ok(client.closed);
  });
});

/** [what the client sends after AUTH 0x18 asked for more, the end of it] */
const refused: readonly (readonly [string, Packet, string | undefined])[] = [
  ["its method refuses", auth(0x18, "refuse 138"), "connack 0x8a"],
  ["its method throws", auth(0x18, "throw"), "connack 0x88"],
  ["its method rejects", auth(0x18, "reject"), "connack 0x88"],
  ["AUTH names another method", auth(0x18, "user ada", "tell"), "connack 0x82"],
  ["AUTH names no method", auth(0x18, "user ada", ""), "connack 0x82"],
  ["AUTH has the code 0x19", auth(0x19, "user ada"), "connack 0x82"],
  ["AUTH has the code 0x00", auth(0x00, "user ada"), "connack 0x82"],
  ["it sends PUBLISH", publishPacket("t", "m"), "connack 0x82"],
  ["it sends SUBSCRIBE", subscribePacket(1, ["t", 0]), "connack 0x82"],
  ["it sends PINGREQ", { type: "pingreq" }, "connack 0x82"],
  ["its data are too large", auth(0x18, "x".repeat(65)), "connack 0x97"],
  ["it gives up with DISCONNECT", disconnectPacket(0), undefined],
  ["it gives up with DISCONNECT and an interval", disconnectPacket(4, 9), undefined],
];

for (const [when, packet, end] of refused) {
  Deno.test(`Broker.step() answers ${end ?? "nothing"} and closes before CONNACK when ${when} [MQTT-4.12.0-4] [MQTT-3.1.2-30]`, async () => {
    await scene(async ({ desk }) => {
      const will = willOf("gone", "pump");
      const panel = await desk.connect("panel");
      await panel.send(subscribePacket(1, ["#", 0]));
      panel.take();
      const client = await desk.connect("pump", asking("ask", { will }));
      await client.send(packet, publishPacket("t", "never")); // [MQTT-3.1.4-6]
      assert.deepEqual(told(client.packets.slice(1)), end === undefined ? [] : [end]);
      assert.ok(client.closed);
      panel.expect();
      assert.equal(desk.tables.clients.has("pump"), false);
      assert.equal(desk.nextIn, undefined);
    }, { limits: { authenticationData: 64 } });
  });
}

Deno.test("Broker.step() answers 0x82 or 0x81 and closes when an AUTH before CONNACK is malformed [MQTT-3.15.1-1] [MQTT-3.15.2-1]", async () => {
  await scene(async ({ desk }) => {
    for (const [bytes, code] of [[[0xf1, 0x00], "81"], [[0xf0, 0x02, 0x17, 0x00], "82"]] as const) {
      const client = await desk.connect("pump", asking("ask"));
      await client.sendBytes(...bytes);
      assert.deepEqual(told(client.packets.slice(1)), [`connack 0x${code}`]);
      assert.ok(client.closed);
      assert.equal(desk.endOf("pump"), "malformedPacket");
    }
  });
});

Deno.test("Broker.step() ends an exchange when it takes more than authenticationSteps", async () => {
  await scene(async ({ desk }) => {
    const client = await desk.connect("pump", asking("ask"));
    await client.send(auth(0x18, "ask"));
    await client.send(auth(0x18, "ask"));
    assert.equal(client.closed, false);
    await client.send(auth(0x18, "user ada"));
    assert.deepEqual(told(client.packets).at(-1), "connack 0x97");
    assert.ok(client.closed);
  }, { limits: { authenticationSteps: 3 } });
});

Deno.test("Broker.step() turns a client away when its exchange is not over within connectTimeout", async () => {
  await scene(async ({ desk, teller }) => {
    const [slow, waiting] = [await desk.dial(), await desk.dial()];
    await desk.pass(2);
    await slow.send({ ...CONNECT, clientId: "slow", ...asking("ask") });
    await waiting.send({ ...CONNECT, clientId: "waiting", ...asking("later") });
    await desk.pass(0.5);
    await slow.send(auth(0x18, "ask")); // the time is that of the whole exchange
    await desk.pass(0.499);
    assert.ok(!slow.closed && !waiting.closed);
    await desk.pass(0.001);
    assert.deepEqual(told(slow.packets.slice(2)), ["connack 0x87"]);
    assert.deepEqual(told(waiting.packets), ["connack 0x88"]);
    assert.ok(slow.closed && waiting.closed);
    assert.equal(desk.endOf("slow"), "connectTimeout");
    teller.waiting[0]!(accepted("ada")); // too late
    await desk.turn();
    assert.equal(desk.tables.clients.size, 0);
    assert.equal(desk.nextIn, undefined);
  }, { limits: { connectTimeout: 3 } });
});

const CONNECT = connectPacket("");

Deno.test("Broker.step() reads no further packet when a verdict is awaited", async () => {
  await scene(async ({ desk, teller }) => {
    const client = await desk.dial();
    await client.send({ ...CONNECT, clientId: "pump", ...asking("later") }, auth(0x18, "user eve"));
    assert.deepEqual(client.packets, []);
    teller.waiting[0]!({ type: "continue", data: undefined });
    await desk.turn();
    assert.deepEqual(told(client.packets), ["auth 0x18 TELL", "connack 0x00 TELL welcome"]);
  });
});

Deno.test("Broker.step() sends neither AUTH nor CONNACK when it is above the client's Maximum Packet Size [MQTT-3.1.2-24]", async () => {
  await scene(async ({ desk }) => {
    const small = (maximumPacketSize: number, data: string) =>
      desk.connect("pump", asking(data, { properties: { maximumPacketSize } }));
    const size = (await ada(desk)).sizes[0]!;
    assert.deepEqual(told((await small(size, "user ada")).packets), ["connack 0x00 TELL welcome"]);
    const client = await small(size - 1, "user ada");
    assert.deepEqual(told(client.packets), ["connack 0x95"]);
    assert.ok(client.closed && client.sizes[0]! < size);
    const first = await small(900, "much");
    assert.deepEqual(told(first.packets), ["connack 0x95"]);
    assert.ok(first.closed);
    const again = await small(900, "user ada");
    await again.send(auth(0x19, "much"));
    assert.deepEqual(told(again.packets), ["connack 0x00 TELL welcome", "disconnect 0x95"]);
    assert.ok(again.closed);
  });
});

Deno.test("Broker.step() resumes a stored session when the exchange proves its owner, and refuses another user", async () => {
  await scene(async ({ desk }) => {
    const stored = { cleanStart: false, properties: { sessionExpiryInterval: 60 } };
    const first = await ada(desk, stored);
    await first.send(disconnectPacket());
    const other = await desk.connect("pump", asking("user eve", stored));
    assert.deepEqual(told(other.packets), ["connack 0x87"]);
    assert.ok(other.closed);
    const again = await desk.connect("pump", asking("ask", stored));
    await again.send(auth(0x18, "user ada"));
    const connack = again.packets[1]!;
    assert.deepEqual(told([connack]), ["connack 0x00 TELL welcome"]);
    assert.ok(connack.type === "connack" && connack.sessionPresent);
  });
});

Deno.test("Broker.step() reads on when the store was overfull as the exchange began", async () => {
  await scene(async ({ desk }) => {
    const stored = { cleanStart: false, properties: { sessionExpiryInterval: 60 } };
    const first = await ada(desk, stored);
    await first.send(disconnectPacket());
    desk.hold(true);
    const pump = await desk.connect("other", asking("user ada", stored)); // its putSession waits
    const client = await desk.connect("pump", asking("ask", stored));
    assert.equal(pump.packets.length, 0);
    await client.send(auth(0x18, "user ada"));
    await desk.letGo();
    assert.deepEqual(told(client.packets).at(-1), "connack 0x00 TELL welcome");
    assert.deepEqual(told(pump.packets), ["connack 0x00 TELL welcome"]);
  }, { limits: { pendingWrites: 1 } });
});

Deno.test("Broker.step() re-authenticates when the client asks, while other packets flow (section 4.12.1)", async () => {
  await scene(async ({ desk, teller }) => {
    const client = await ada(desk);
    client.take();
    await client.send(subscribePacket(1, ["t", 1]));
    await client.send(auth(0x19, "ask"), publishPacket("t", "a", { packetId: 7 }));
    await client.send({ type: "pingreq" });
    assert.deepEqual(told(client.take()), [
      "suback",
      "auth 0x18 TELL who?",
      "puback",
      "publish",
      "pingresp",
    ]);
    await client.send(auth(0x18, "later"), publishPacket("t", "b", { packetId: 8 }));
    client.expect("puback #8", "publish t q1 #2 b");
    teller.waiting[0]!(accepted("ada"));
    await desk.turn();
    assert.deepEqual(told(client.take()), ["auth 0x00 TELL welcome"]);
    await client.send(auth(0x19, "user ada")); // and once more, in one step
    assert.deepEqual(told(client.take()), ["auth 0x00 TELL welcome"]);
    await desk.pass(1_000);
    assert.equal(client.closed, false);
    assert.equal(desk.nextIn, undefined);
  });
});

Deno.test("Broker.step() keeps new roles with the stored session when a re-authentication brings them", async () => {
  await scene(async ({ desk }) => {
    const client = await ada(desk, {
      cleanStart: false,
      properties: { sessionExpiryInterval: 60 },
    });
    await client.send(auth(0x19, "user ada reader"));
    const owner = {
      user: "ada",
      roles: ["reader"],
      clientId: "pump",
      address: "desk:1",
      listener: "desk",
      certificate: undefined,
      version: 5,
    };
    assert.deepEqual(desk.tables.clients.get("pump")!.session.owner, owner);
    await desk.restart();
    assert.deepEqual(desk.tables.clients.get("pump")!.session.owner, owner);
  });
});

Deno.test("Broker.step() judges by the client's own rules that a re-authentication brings", async () => {
  await scene(async ({ desk, teller }) => {
    const client = await ada(desk);
    await client.send(subscribePacket(1, ["#", 0]), publishPacket("a", "1"));
    assert.deepEqual(client.publishes().map(({ topic }) => topic), ["a"]);
    await client.send(auth(0x19, "later"));
    teller.waiting[0]!({
      type: "accepted",
      identity: { user: "ada", roles: [], rules: [{ permission: "allow", topics: "b" }] },
    });
    await desk.turn();
    const pump = await desk.connect("other", asking("user ada"));
    await pump.send(publishPacket("a", "2"), publishPacket("b", "3"));
    await client.send(publishPacket("a", "4"));
    assert.deepEqual(client.publishes().map(({ topic }) => topic), ["b"]);
  });
});

/** [when, what the connected client sends, the code of DISCONNECT] */
const unproven: readonly (readonly [string, readonly Packet[], number])[] = [
  ["the method refuses", [auth(0x19, "refuse 135")], 0x87],
  ["the method refuses with a code that DISCONNECT has not", [auth(0x19, "refuse 134")], 0x87],
  ["the method refuses the second step", [auth(0x19, "ask"), auth(0x18, "refuse 135")], 0x87],
  ["the method throws", [auth(0x19, "throw")], 0x89],
  ["it proves to be another user", [auth(0x19, "user eve")], 0x87],
  ["AUTH names another method", [auth(0x19, "user ada", "tell")], 0x82],
  ["AUTH names no method", [auth(0x19, "user ada", "")], 0x82],
  ["AUTH 0x18 comes where nothing is under way", [auth(0x18, "user ada")], 0x82],
  ["AUTH 0x00 comes", [auth(0x00, "user ada")], 0x82],
  ["AUTH 0x19 comes in the midst of it", [auth(0x19, "ask"), auth(0x19, "ask")], 0x82],
  ["AUTH comes before the last one is answered", [auth(0x19, "later"), auth(0x18, "ask")], 0x82],
  ["a second CONNECT comes in the midst of it", [auth(0x19, "ask"), CONNECT], 0x82],
  ["its data are too large", [auth(0x19, "x".repeat(65))], 0x97],
  [
    "it takes too many steps",
    [auth(0x19, "ask"), auth(0x18, "ask"), auth(0x18, "ask"), auth(0x18, "user ada")],
    0x97,
  ],
];

for (const [when, packets, code] of unproven) {
  Deno.test(`Broker.step() sends DISCONNECT 0x${code.toString(16)}, closes and sends the Will when re-authenticating and ${when} [MQTT-4.12.1-2]`, async () => {
    await scene(async ({ desk }) => {
      const panel = await desk.connect("panel");
      await panel.send(subscribePacket(1, ["#", 0]));
      panel.take();
      const client = await ada(desk, {
        will: willOf("gone", "pump"),
        properties: { sessionExpiryInterval: 60 },
      });
      for (const packet of packets) await client.send(packet);
      await client.send(publishPacket("t", "never"));
      assert.deepEqual(told(client.packets).at(-1), `disconnect 0x${code.toString(16)}`);
      assert.ok(client.closed);
      panel.expect("publish gone q0 pump");
      assert.equal(desk.tables.clients.get("pump")!.session.owner.user, "ada");
    }, { limits: { authenticationData: 64, authenticationSteps: 3 } });
  });
}

Deno.test("Broker.step() ends a re-authentication when it is not over within reauthenticationTimeout", async () => {
  await scene(async ({ desk, teller }) => {
    for (const [data, code] of [["ask", "87"], ["later", "89"]] as const) {
      const client = await ada(desk);
      await client.send(auth(0x19, data));
      await desk.pass(1.999);
      await client.send({ type: "pingreq" });
      assert.equal(client.closed, false);
      await desk.pass(0.001);
      assert.deepEqual(told(client.packets).at(-1), `disconnect 0x${code}`);
      assert.ok(client.closed);
    }
    teller.waiting[0]!(accepted("ada")); // too late
    await desk.turn();
    assert.equal(desk.tables.clients.size, 0);
  }, { limits: { reauthenticationTimeout: 2 } });
});

Deno.test("Broker.step() counts the steps of a re-authentication anew", async () => {
  await scene(async ({ desk }) => {
    const client = await desk.connect("pump", asking("ask"));
    await client.send(auth(0x18, "user ada"));
    for (let round = 0; round < 3; round++) {
      await client.send(auth(0x19, "ask"));
      await client.send(auth(0x18, "user ada"));
      assert.deepEqual(told(client.packets).at(-1), "auth 0x00 TELL welcome");
    }
  }, { limits: { authenticationSteps: 2 } });
});

Deno.test("Broker.step() forgets a re-authentication when its link is lost", async () => {
  await scene(async ({ desk }) => {
    const client = await ada(desk);
    await client.send(auth(0x19, "ask"));
    await client.hangUp();
    await desk.pass(100);
    assert.equal(desk.facts.filter(({ type }) => type === "disconnected").length, 1);
    assert.equal(desk.nextIn, undefined);
  });
});

Deno.test("Broker.step() passes over a verdict when nobody waits for one", async () => {
  await scene(async ({ desk }) => {
    const plain = await desk.connect("plain");
    const client = await ada(desk);
    for (const reauthenticating of [false, true]) {
      if (reauthenticating) await client.send(auth(0x19, "ask"));
      client.take();
      for (const connection of [1, 2]) {
        await desk.feed({ type: "authenticated", connection, verdict: accepted("eve") });
        const verdict = { type: "refused", reason: 0x87, detail: "late" } as const;
        await desk.feed({ type: "authenticated", connection, verdict });
      }
      client.expect();
      assert.ok(!plain.closed && !client.closed);
    }
    await client.send(auth(0x18, "user ada"));
    assert.deepEqual(told(client.take()), ["auth 0x00 TELL welcome"]);
  });
});

Deno.test("Broker.step() closes with 0x82 when AUTH comes from a client that named no method [MQTT-4.12.0-7]", async () => {
  await scene(async ({ desk }) => {
    for (const code of [0x00, 0x18, 0x19]) {
      const client = await desk.connect("plain");
      await client.send(auth(code, "user ada"));
      assert.deepEqual(told(client.packets), ["connack 0x00", "disconnect 0x82"]);
      assert.ok(client.closed);
    }
  });
});

Deno.test("Broker.step() closes without a word when AUTH comes from a 3.x client or before CONNECT", async () => {
  await scene(async ({ desk }) => {
    for (const protocolVersion of [3, 4] as const) {
      const client = await desk.connect("old", { protocolVersion });
      await client.sendBytes(0xf0, 0x00);
      assert.equal(client.packets.length, 1);
      assert.ok(client.closed);
    }
    const early = await desk.dial();
    await early.send(auth(0x18, "user ada"));
    assert.deepEqual(early.packets, []);
    assert.ok(early.closed);
  });
});
