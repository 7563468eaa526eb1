/**
 * A desk (tests/broker/desk.ts) with the services of the broker at it, and an administrator who asks them
 * over MQTT. What the shell would do besides is kept in lists.
 */

import assert from "node:assert/strict";
import type { Ban } from "../../src/policy/bans.ts";
import { Bans } from "../../src/policy/bans.ts";
import type { Rules } from "../../src/policy/rules.ts";
import { AskNodes } from "../../src/server/ask_nodes.ts";
import type { OwnTask } from "../../src/server/cluster_tasks.ts";
import { clusterTasks } from "../../src/server/cluster_tasks.ts";
import { Control } from "../../src/server/control.ts";
import type { LogFields } from "../../src/server/log.ts";
import { servicesOf } from "../../src/server/services.ts";
import { Tracing } from "../../src/server/tracing.ts";
import { RecentDrops } from "../../src/service/recent_drops.ts";
import type {
  Instruction,
  LogLevel,
  Service,
  TaskResult,
  World,
} from "../../src/service/service.ts";
import { newStatistics } from "../../src/service/statistics.ts";
import type { Soon } from "../../src/store/store.ts";
import type { Caller } from "../broker/caller.ts";
import type { DeskOptions } from "../broker/desk.ts";
import { Desk } from "../broker/desk.ts";
import { publishPacket, subscribePacket } from "../broker/packets.ts";

export const PREFIX = "$CONTROL/dunlin/v1";

/** The reply to a command. */
export interface Reply {
  readonly ok: boolean;
  readonly command: string;
  readonly dryRun?: boolean;
  // deno-lint-ignore no-explicit-any
  readonly data?: any;
  readonly error?: { readonly reason: string; readonly detail: string };
}

/** What the shell of a test is and has done; it outlives restarts of the broker. */
export interface Shell {
  readonly desk: Desk;
  readonly instructions: Instruction[];
  readonly audit: { readonly message: string; readonly fields: LogFields }[];
  readonly bans: () => readonly Ban[];
  logLevel: LogLevel;
  traces: Tracing;
  /** What the next reload comes to. */
  reloaded: TaskResult;
  /** The next task that takes time is not done before this is called. */
  held: (() => void)[] | undefined;
  /** Of a node of a cluster: how long it waits for the others. */
  readonly patience: { milliseconds: number };
  /** As failures would. */
  readonly ban: (ban: Ban) => void;
}

export interface ControlDeskOptions extends DeskOptions {
  readonly services?: () => readonly Service[];
}

/** Does the work at such a desk, and clears it. */
export async function atControlDesk(
  options: ControlDeskOptions,
  work: (shell: Shell) => Promise<void>,
): Promise<void> {
  const shell = await openControlDesk(options);
  await work(shell);
  shell.traces.stop();
  await shell.desk.clear();
}

/** Such a desk, which whoever opens it clears; the user `admin` may do everything. */
export async function openControlDesk(
  { services = () => servicesOf([]), ...options }: ControlDeskOptions,
): Promise<Shell> {
  let bans = new Bans(1_000);
  const made: Partial<Shell> & { -readonly [K in keyof Shell]?: Shell[K] } = {
    instructions: [],
    audit: [],
    logLevel: "info",
    held: undefined,
    patience: { milliseconds: 5_000 },
    reloaded: { type: "reloaded", ok: true, report: { changes: [] }, problems: [] },
  };
  const shell = made as Shell;
  const control = (desk: Desk, rules: Rules) => {
    bans = new Bans(1_000);
    const traces = shell.traces = new Tracing({
      broker: desk.broker,
      watch: (steps) => desk.runtime.watch(steps),
      feed: (event) => desk.runtime.feed(event),
      endTurn: () => desk.runtime.endTurn(),
      now: () => desk.now,
      broken: (error) => {
        throw error;
      },
      elsewhere: desk.node && {
        node: desk.node.node,
        nodes: () => desk.tables.cluster!.nodes,
        tell: (to, what) => asking!.tell(to, "trace", what),
      },
    });
    const asking = desk.node && new AskNodes({
      node: desk.node.node,
      now: () => desk.now,
      send: (to, text) => desk.node!.instruct(to, text),
      perform: (request, done) => desk.control!.passedOn(request, done),
      told: (_, from, what) => traces.heard(from, what),
      trouble: assert.fail,
      get patience() {
        return shell.patience.milliseconds;
      },
    });
    desk.onInstruction = (text) => asking?.instructed(text);
    const world: World = {
      version: "test",
      startedAt: desk.now,
      promise: "memory",
      get configured() {
        return desk.control?.configured ?? rules;
      },
      listeners: [{
        name: "desk",
        type: "tcp",
        tls: false,
        address: "127.0.0.1:1883",
        allowAnonymous: true,
        maximumConnections: 10,
        mountPoint: "",
        accepting: true,
      }],
      statistics: newStatistics(),
      get recentDrops() {
        const drops = new RecentDrops();
        for (const fact of desk.facts) drops.note(fact, desk.now, rules.limits.recentDrops);
        return drops;
      },
      traces,
      bans: (now) => bans.list(now),
      get logLevel() {
        return shell.logLevel;
      },
      logLevelConfigured: "info",
      draining: false,
    };
    const keep = () => (message: string, fields: LogFields = {}) => {
      shell.audit.push({ message, fields });
    };
    return new Control({
      services: services(),
      configured: rules,
      view: () => ({ now: desk.now, broker: desk.broker.snapshot(), world }),
      feed: (event) => desk.runtime.feed(event),
      endTurn: () => desk.runtime.endTurn(),
      perform: clusterTasks(desk.node, asking, (task) => perform(shell, task)),
      echoed: desk.node !== undefined,
      instruct(instruction) {
        shell.instructions.push(instruction);
        if (traces.take(instruction)) return;
        if (instruction.type === "ban") bans.add(instruction.ban, desk.now);
        if (instruction.type === "unban") bans.remove(instruction.kind, instruction.value);
        if (instruction.type === "logLevel") shell.logLevel = instruction.level;
      },
      audit: { debug: keep(), info: keep(), warn: keep(), error: keep(), enabled: () => true },
      broken: (error) => {
        throw error;
      },
    });
  };
  made.ban = (ban) => bans.add(ban, shell.desk.now);
  made.bans = () => bans.list(shell.desk.now);
  made.desk = await Desk.open({ administrators: [{ user: "admin" }], control, ...options });
  return shell;
}

function perform(shell: Shell, task: OwnTask): Soon<TaskResult> {
  const result = resultOf(shell, task);
  const { held } = shell;
  if (held === undefined) return result;
  return new Promise((resolve) => held.push(() => resolve(result)));
}

function resultOf({ desk, reloaded }: Shell, task: OwnTask): Soon<TaskResult> {
  switch (task.type) {
    case "hashPassword":
      return { type: "hashed", hash: `hash of ${task.password}` };
    case "verifyPassword":
      return { type: "verified", matches: task.hash === `hash of ${task.password}` };
    case "reload":
      return reloaded;
    case "readQueue":
      return desk.node === undefined
        ? { type: "queue", queued: desk.disk.read(task.clientId, task.from, task.most) }
        : Promise.resolve(desk.node.read(task.clientId, task.from, task.most))
          .then((queued) => ({ type: "queue", queued }));
  }
}

/** A client that asks the broker's services, over MQTT. */
export class Asker {
  readonly caller: Caller;
  readonly #desk: Desk;
  #asked = 0;

  private constructor(desk: Desk, caller: Caller) {
    this.#desk = desk;
    this.caller = caller;
  }

  /** Connects as that user. */
  static async connect(
    desk: Desk,
    username: string | undefined = "admin",
    clientId = `~asker of ${username}`,
  ): Promise<Asker> {
    const caller = await desk.connect(clientId, { username });
    return new Asker(desk, caller);
  }

  /** The reply to a command, over its Response Topic; an empty payload for no input. */
  async ask(command: string, input?: unknown): Promise<Reply> {
    return await this.askService(`${PREFIX}/${command}`, input) as Reply;
  }

  /** The reply of any service. */
  async askService(topic: string, input?: unknown): Promise<unknown> {
    const text = input === undefined ? "" : JSON.stringify(input);
    const number = ++this.#asked;
    const correlationData = Uint8Array.of(number >> 8, number & 0xff);
    const properties = { responseTopic: "reply/to/me", correlationData };
    await this.caller.send(publishPacket(topic, text, { properties }));
    const reply = () =>
      this.caller.packets.findLast((packet) =>
        packet.type === "publish" && packet.topic === "reply/to/me" &&
        packet.properties?.correlationData?.[0] === correlationData[0] &&
        packet.properties?.correlationData?.[1] === correlationData[1]
      );
    await this.#desk.turn();
    // Other nodes of a cluster are waited for in real time.
    for (let tries = 0; reply() === undefined && this.#desk.node !== undefined; tries++) {
      if (tries === 1_000) break;
      await new Promise((resolve) => setTimeout(resolve, 5));
      await this.#desk.turn();
    }
    const found = reply();
    assert.ok(found?.type === "publish", `no reply to ${topic} ${text}`);
    return JSON.parse(new TextDecoder().decode(found.payload));
  }

  /** The data of a command that has to succeed. */
  async get(command: string, input?: unknown) {
    const reply = await this.ask(command, input);
    assert.ok(reply.ok, `${command}: ${JSON.stringify(reply.error)}`);
    return reply.data;
  }

  /** The reason for which a command has to be refused. */
  async refused(command: string, input?: unknown): Promise<string> {
    const reply = await this.ask(command, input);
    assert.ok(!reply.ok, `${command} was not refused: ${JSON.stringify(reply.data)}`);
    assert.ok(reply.error!.detail.length > 0);
    return reply.error!.reason;
  }
}

export { publishPacket, subscribePacket };
