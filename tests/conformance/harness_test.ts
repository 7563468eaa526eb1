import assert from "node:assert/strict";
import { encode } from "../../src/packet/encode.ts";
import { connectPacket, publishPacket } from "../broker/packets.ts";
import type { Body } from "./harness.ts";
import { holds, run } from "./harness.ts";

/** [what the row does, its body, words of the failure] */
const failing: readonly (readonly [string, Body, RegExp])[] = [
  ["expects nothing", () => {}, /asserts nothing/],
  ["only sets up", async (at) => {
    await (await at.client("a")).subscribes(["t", 1]);
  }, /asserts nothing/],
  ["does not await", async (at) => {
    const a = await at.client("a");
    a.sends({ type: "pingreq" });
    a.getsNothing();
  }, /not awaited/],
  ["ends before its action does", async (at) => {
    const a = await at.client("a");
    a.isOpen();
    a.sends({ type: "pingreq" });
  }, /not awaited/],
  ["gets another packet", async (at) => {
    const a = await at.client("a");
    await a.sends({ type: "pingreq" });
    a.gets({ type: "puback", packetId: 1 });
  }, /packet\.type is "pingresp", expected is "puback"[^]*Transcript:[^]*a -> c0 00/],
  ["gets another field", async (at) => {
    const a = await at.client("a");
    await a.publishes("t", "x", { packetId: 7 });
    a.gets({ type: "puback", packetId: 8 });
  }, /packet\.packetId is 7, expected is 8/],
  ["gets another payload", async (at) => {
    const a = await at.client("a");
    await a.subscribes("t");
    await a.publishes("t", "x");
    a.gets({ type: "publish", payload: "y" });
  }, /packet\.payload is "x", expected is "y"/],
  ["gets other bytes", async (at) => {
    const a = await at.client("a");
    await a.sends({ type: "pingreq" });
    a.gets("d0 01");
  }, /other bytes/],
  ["gets other bytes far behind the first", async (at) => {
    const a = await at.client("a");
    await a.subscribes("t");
    await a.publishes("t", "x".repeat(100));
    a.gets(encode(publishPacket("t", `${"x".repeat(99)}y`), 4));
  }, /other bytes/],
  ["gets no packet", async (at) => {
    (await at.client("a")).gets({ type: "pingresp" });
  }, /in vain for pingresp: no packet/],
  ["gets a packet instead of nothing", async (at) => {
    const a = await at.client("a");
    await a.sends({ type: "pingreq" });
    a.getsNothing();
  }, /a packet too many: d0 00/],
  ["expects nothing of a closed link", async (at) => {
    const a = await at.client("a");
    await a.sends("00 00");
    a.getsNothing();
  }, /has closed/],
  ["takes an open link for closed", async (at) => (await at.client("a")).isClosed(), /not closed/],
  ["takes its own end for the broker's", async (at) => {
    const a = await at.client("a");
    await a.drops();
    a.isClosed();
  }, /itself/],
  ["is not let in", async (at) => {
    await at.client("", { cleanStart: false });
  }, /not let in/],
  ["expects in vain", (at) => at.expects(false, "one is two"), /one is two/],
];

for (const [what, body, words] of failing) {
  Deno.test(`run() rejects when a row ${what}`, async () => {
    await assert.rejects(run(holds("3.1.1", "MQTT-0", what, body)), words);
  });
}

Deno.test("run() resolves when all that a row expects comes", async () => {
  await run(holds("3.1.1", "MQTT-0", "all", async (at) => {
    at.configure({ limits: { connectTimeout: 3 } });
    const a = await at.client("a", { cleanStart: false });
    await a.subscribes(["t", 1]);
    await a.sends("c0 00", publishPacket("t", "x"), { type: "pingreq" });
    a.gets({ type: "pingresp" });
    a.gets({ type: "publish", topic: "t", payload: "x", properties: undefined });
    a.gets("d0 00");
    a.getsNothing();
    const b = await at.open();
    await at.passes(3001);
    b.isClosed();
    await at.restarts();
    const c = await at.open();
    await c.sends(connectPacket("a", { protocolVersion: 4, cleanStart: false }));
    c.gets("20 02 01 00");
    c.isOpen();
  }));
});
