/**
 * What 1,000 rules of access cost: QoS 0 in process with and without them, in turn, so that whatever else
 * the machine does meets both alike; and a decision about a topic that was never asked about.
 *
 * deno run -A tests/bench/access.ts
 */

import process from "node:process";
import { AccessList } from "../../src/policy/access_list.ts";
import type { AccessRule } from "../../src/policy/access_rule.ts";
import { defaultRules } from "../../src/policy/rules.ts";
import type { Workload } from "./in_process.ts";
import { prepare, workloads } from "./in_process.ts";

const COUNT = 1_000;
const TURNS = 120;
const ROUNDS = 8;

/** All kinds of rules, most of them about every client; the last one decides. */
export function manyRules(count: number): AccessRule[] {
  const rules = Array.from({ length: count - 1 }, (_, at): AccessRule => {
    const permission = at % 3 === 0 ? "deny" : "allow";
    switch (at % 5) {
      case 0:
        return { permission, who: { user: `user-${at}` }, topics: "bench/#" };
      case 1:
        return { permission, topics: [`zone/${at}/#`, `bench/zone/${at}/+`] };
      case 2:
        return { permission, topics: `bench/+/own/\${clientid}/${at}` };
      case 3:
        return { permission, who: { not: { role: `r${at}` } }, topics: `bench/pair/+/${at}` };
      default:
        return { permission, who: { address: `10.${at % 256}.0.0/16` }, topics: "#" };
    }
  });
  return [...rules, { permission: "allow", topics: "bench/#" }];
}

async function compare(work: Workload): Promise<void> {
  const access = new AccessList(manyRules(COUNT));
  const [without, withRules] = await Promise.all([
    prepare(work),
    prepare(work, { ...defaultRules, access }),
  ]);
  const times: [number[], number[]] = [[], []];
  for (let turn = 0; turn < TURNS; turn++) {
    for (const at of turn % 2 === 0 ? [0, 1] as const : [1, 0] as const) {
      const each = at === 0 ? without : withRules;
      const started = cpuTime();
      for (let round = 0; round < ROUNDS; round++) await each.round();
      if (turn > TURNS / 5) times[at].push(cpuTime() - started);
    }
  }
  if (without.received() === 0 || without.received() !== withRules.received()) {
    throw new Error(`${without.received()} and ${withRules.received()} messages came`);
  }
  const [plain, ruled] = times.map(middle) as [number, number];
  const longer = middle(times[1].map((time, turn) => time / times[0][turn]! - 1)) * 100;
  const messages = work.pairs * work.batch * ROUNDS;
  console.log(
    `${work.name.padEnd(20)} without ${perSecond(messages, plain)}/s, with ${COUNT} rules ${
      perSecond(messages, ruled)
    }/s: ${longer.toFixed(1)} % more processor time`,
  );
}

function newTopics(): void {
  const list = new AccessList(manyRules(COUNT));
  const client = { user: undefined, roles: [], clientId: "p0", address: "192.0.2.1" };
  const started = performance.now();
  const count = 200_000;
  for (let n = 0; n < count; n++) list.decide(client, "publish", `bench/pair/${n}`, 0, false);
  const each = (performance.now() - started) / count * 1_000;
  const others = Array.from({ length: 2_000 }, (_, n) => ({ ...client, clientId: `c${n}` }));
  const begun = performance.now();
  for (const other of others) list.decide(other, "publish", "bench/pair/1", 0, false);
  const first = (performance.now() - begun) / others.length * 1_000;
  const filters = 20_000;
  const asked = performance.now();
  for (let n = 0; n < filters; n++) list.decide(client, "subscribe", `bench/pair/${n}/#`, 0, false);
  const covered = (performance.now() - asked) / filters * 1_000;
  console.log(
    `a topic never asked about ${each.toFixed(2)} µs, a client never asked about ` +
      `${first.toFixed(0)} µs, a filter in SUBSCRIBE ${covered.toFixed(1)} µs`,
  );
}

/** Milliseconds of processor time, which others on the machine do not take from. */
function cpuTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

function middle(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[times.length >> 1]!;
}

function perSecond(messages: number, milliseconds: number): string {
  return Math.round(messages / milliseconds * 1_000).toLocaleString("en");
}

if (import.meta.main) {
  for (const work of workloads.filter(({ qos }) => qos === 0)) await compare(work);
  newTopics();
}
