/**
 * The broker on its store: opened, and with everything taken in that the store has kept. Nobody is
 * connected to it yet.
 */

import type { Authenticator } from "../authentication/authenticator.ts";
import { Broker } from "../broker/broker.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { Instruction, TaskResult, World } from "../service/service.ts";
import { RecentDrops } from "../service/recent_drops.ts";
import type { Statistics } from "../service/statistics.ts";
import { newStatistics } from "../service/statistics.ts";
import type { Instant } from "../policy/identity.ts";
import type { Fact } from "../session/fact.ts";
import type { Soon, Store } from "../store/store.ts";
import { AskNodes } from "./ask_nodes.ts";
import { ClusterNode } from "./cluster_node.ts";
import type { OwnTask } from "./cluster_tasks.ts";
import { clusterTasks } from "./cluster_tasks.ts";
import type { Config } from "./config.ts";
import { Control } from "./control.ts";
import type { DynamicSecurityParts } from "./dynamic_security.ts";
import type { Log } from "./log.ts";
import { getLog } from "./log.ts";
import { eventPublisher } from "./event_publisher.ts";
import { describe, observer } from "./observing.ts";
import { openStore } from "./open_store.ts";
import { rulesOf } from "./rules_of.ts";
import { Runtime } from "./runtime.ts";
import { servicesOf } from "./services.ts";
import { Tracing } from "./tracing.ts";
import { wallClock } from "./wall_clock.ts";

/** What nodes of a cluster call what they tell of traces. */
const TRACE = "trace";

/** What runs. */
export interface RunningBroker {
  readonly runtime: Runtime;
  readonly broker: Broker;
  readonly statistics: Statistics;
  readonly store: Store;
  /** Resolves with the reason when the broker cannot go on; never otherwise. */
  readonly failed: Promise<unknown>;
  readonly now: () => Instant;
  /** Its clock less this machine's, in milliseconds: nodes of a cluster go by one. */
  readonly clockOffset: number;
  /** The services of the broker. */
  readonly control: Control;
  /** How it stands as a node, and what nodes ask of each other; undefined where the store is this broker's alone. */
  readonly node: ClusterNode | undefined;
  readonly cluster: Cluster | undefined;
  /** Whether what clients do is published from now on. */
  tellEvents(tells: boolean): void;
  /**
   * Sends clients off and writes out what they are owed, then closes the store.
   *
   * @param patience seconds for that
   */
  stop(patience: number): Promise<void>;
}

/** What services see and ask for beside the broker. */
export interface Surroundings {
  readonly world: (running: {
    readonly statistics: Statistics;
    readonly recentDrops: RecentDrops;
    readonly traces: Tracing;
    readonly store: Store;
    readonly control: Control;
    readonly node: ClusterNode | undefined;
    readonly clockOffset: number;
  }) => World;
  /** Undefined where the configuration does not ask for it. */
  readonly dynamicSecurity?: DynamicSecurityParts | undefined;
  /** Asked only when the broker runs. */
  readonly perform: (task: OwnTask) => Soon<TaskResult>;
  readonly instruct: (instruction: Instruction, now: Instant) => void;
  /** Of the program: other nodes are told. */
  readonly version: string;
}

/**
 * Starts it.
 *
 * @param again whether to start anew when the store turns out to be damaged while it is read
 * @throws where the store cannot be opened or read; nothing is left open then
 */
export async function startBroker(
  config: Config,
  authenticator: Authenticator,
  log: Log,
  around: Surroundings,
  again = true,
): Promise<RunningBroker> {
  const { dynamicSecurity } = around;
  const { store, shared, facts, damaged, release } = await openStore(config, log, around.version);
  const clockOffset = shared?.clockOffset ?? 0;
  const rules = rulesOf(config);
  const broker = new Broker(
    rules,
    shared && {
      node: shared.store.node,
      slot: shared.store.slot,
      localFirst: config.cluster?.localFirst ?? false,
    },
  );
  const statistics = newStatistics();
  const recentDrops = new RecentDrops();
  const events = eventPublisher({
    perSecond: () => broker.snapshot().rules.limits.clientEventsPerSecond,
    now: () => clock.now(),
    publish: (messages) => runtime.feed({ type: "publish", messages }),
    statistics,
  });
  const noteDrop = (fact: Fact) =>
    recentDrops.note(fact, broker.snapshot().now, broker.snapshot().rules.limits.recentDrops);
  let tellsEvents = config.clientEvents;
  const counted = observer(statistics);
  const observe = (fact: Fact) => {
    counted(fact);
    noteDrop(fact);
    if (tellsEvents) events(fact);
  };
  for (const fact of facts) observe(fact);
  const { promise: failed, resolve } = Promise.withResolvers<unknown>();
  const clock = wallClock(() => {
    runtime.feed({ type: "tick" });
    runtime.endTurn();
  }, clockOffset);
  const traces = new Tracing({
    broker,
    watch: (steps) => runtime.watch(steps),
    feed: (event) => runtime.feed(event),
    endTurn: () => runtime.endTurn(),
    now: () => clock.now(),
    broken: (error) =>
      log.error("a defect of the broker: a trace is ended", {
        reason: error instanceof Error ? error.stack : String(error),
      }),
    elsewhere: shared && {
      node: shared.store.node,
      nodes: () => broker.snapshot().cluster!.nodes,
      tell: (to, what) => asking!.tell(to, TRACE, what),
    },
  });
  const asking = shared && new AskNodes({
    node: shared.store.node,
    now: () => clock.now(),
    send: (to, text) => shared.store.instruct(to, text),
    perform: (request, done) => control.passedOn(request, done),
    told(about, from, what) {
      if (about === TRACE) traces.heard(from, what);
    },
    trouble: (reason) => getLog("cluster").warn("what nodes ask each other is lost", { reason }),
  });
  const control: Control = new Control({
    services: servicesOf(dynamicSecurity === undefined ? [] : [dynamicSecurity.service]),
    configured: rules,
    view: () => ({ now: clock.now(), broker: broker.snapshot(), world }),
    feed: (event) => runtime.feed(event),
    endTurn: () => runtime.endTurn(),
    perform: clusterTasks(shared?.store, asking, around.perform),
    instruct(instruction) {
      if (!traces.take(instruction)) around.instruct(instruction, clock.now());
    },
    audit: getLog("audit"),
    broken: (error, { topic }) =>
      log.error("a defect of a service of the broker: the request is refused", {
        topic,
        reason: error instanceof Error ? error.stack : String(error),
      }),
    echoed: shared !== undefined,
    notUnderstood: (error, service) =>
      log.error("another node has written a setting that this one does not understand", {
        service,
        reason: error instanceof Error ? error.message : String(error),
      }),
  });
  const node = shared && new ClusterNode({
    cluster: shared.store,
    name: shared.name,
    tables: () => broker.snapshot(),
    runtime: () => runtime,
    control: () => control,
    instructed: (text) => asking!.instructed(text),
    clock,
    log: getLog("cluster"),
    fail: resolve,
  });
  const world = around.world({
    statistics,
    recentDrops,
    traces,
    store,
    control,
    node,
    clockOffset,
  });
  const runtime: Runtime = new Runtime({
    broker,
    store,
    cluster: shared?.store,
    refusesClaims: config.cluster?.whenUnreachable === "wait" ? undefined : () => node?.unreachable,
    clock,
    authenticator,
    services: control,
    observe,
    outboxDropped(frames, connection) {
      statistics.drops.outboxFull += frames;
      const clientId = broker.snapshot().connections.get(connection)?.connection.clientId ?? "";
      noteDrop({ type: "dropped", clientId, topic: "", reason: "outboxFull", count: frames });
      traces.outboxDropped(connection, frames);
    },
    broken: (error, event) =>
      log.error("a defect of the broker: the connection that showed it is closed", {
        event: describe(event),
        reason: error instanceof Error ? error.stack : String(error),
      }),
    fail(error) {
      damaged(error);
      resolve(error);
    },
  });
  const settings = new Map<string, string>();
  try {
    for await (const record of store.index()) {
      if (record.type === "setting") settings.set(record.name, record.value);
      else runtime.feed({ type: "indexed", record });
    }
  } catch (error) {
    clock.stop();
    await store.close();
    const carriedOver = damaged(error) && again;
    release();
    if (!carriedOver) throw error;
    return await startBroker(config, authenticator, log, around, false);
  }
  try {
    control.begin(await dynamicSecurity?.seed(settings, store) ?? settings);
  } catch (error) { // the store is whole: what it says makes no sense
    clock.stop();
    await store.close();
    release();
    throw error;
  }
  runtime.feed({ type: "recovered" });
  runtime.endTurn();
  try {
    await node?.begin();
  } catch (error) {
    clock.stop();
    await store.close();
    throw error;
  }
  return {
    runtime,
    broker,
    statistics,
    store,
    failed,
    now: () => clock.now(),
    clockOffset,
    control,
    node,
    cluster: shared?.store,
    tellEvents: (tells) => tellsEvents = tells,
    async stop(patience) {
      traces.stop();
      asking?.close();
      runtime.feed({ type: "shutdown" });
      runtime.endTurn();
      await runtime.drained(patience * 1000);
      await node?.leave();
      clock.stop();
      await store.close();
      release();
    },
  };
}
