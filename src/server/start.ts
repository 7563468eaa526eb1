/**
 * The composition root: a configuration becomes a running broker, and another one while it runs.
 */

import type { Authenticator } from "../authentication/authenticator.ts";
import type { Method } from "../authentication/method.ts";
import type { Bans } from "../policy/bans.ts";
import type { Instruction } from "../service/service.ts";
import type { Statistics } from "../service/statistics.ts";
import { letGoUnused } from "../transport/buffer_pool.ts";
import type { Administration } from "./administration.ts";
import { openAdministration } from "./administration.ts";
import type { Config } from "./config.ts";
import type { Control } from "./control.ts";
import { system } from "./config_system.ts";
import type { RunningBroker } from "./core.ts";
import { startBroker } from "./core.ts";
import { DescriptorRoom } from "./descriptors.ts";
import { sendOffAll } from "./drain.ts";
import type { Entrance } from "./entrance.ts";
import { entranceOf } from "./entrance.ts";
import { dynamicSecurityOf } from "./dynamic_security.ts";
import { randomBytes } from "./entropy.ts";
import type { Core, PreparedListeners } from "./listeners.ts";
import { Listeners } from "./listeners.ts";
import type { Log } from "./log.ts";
import { getLog } from "./log.ts";
import type { ManagementOverHttp } from "./management_http.ts";
import type { Monitor } from "./monitor.ts";
import { monitor } from "./monitor.ts";
import type { Origin, Prepared, ReloadResult } from "./reload.ts";
import { Reloader } from "./reload.ts";
import { storeName } from "./redis_options_of.ts";
import { rulesOf } from "./rules_of.ts";
import { surroundings } from "./surroundings.ts";
import { tasksOf } from "./tasks.ts";

/** Milliseconds after which a buffer that nobody has needed is let go. */
const UNUSED = 10_000;

export interface Server {
  /** Where each listener of the configuration listens, in its order. */
  readonly addresses: readonly string[];
  readonly statistics: Readonly<Statistics>;
  /** Who is shut out; to be looked into and edited. */
  readonly bans: Bans;
  /**
   * Reads the configuration again and has all of it hold that needs no restart, at once; where anything is
   * wrong with it, nothing changes. With `dryRun` it is only said what would change. Does not reject.
   */
  reload(options?: { readonly dryRun?: boolean }): Promise<ReloadResult>;
  /** The services of the broker: the same that clients ask below `$CONTROL`. */
  readonly control: Pick<Control, "ask">;
  /** Resolves when an administrator has sent all clients off, so that the program may end. */
  readonly ended: Promise<void>;
  /** Sends clients off, writes out what they are owed, closes. */
  stop(): Promise<void>;
  /** Resolves with the reason when the broker cannot go on; never otherwise. */
  readonly failed: Promise<unknown>;
}

/**
 * Starts a broker.
 *
 * @param program a file that may be read: what the descriptor limit is tried out on
 * @param methods of enhanced authentication, besides those of the configuration
 * @param version of the program, told below `$SYS`
 * @param origin where the configuration comes from; without one it cannot be reloaded
 * @throws where the users cannot be read, or a listener cannot listen, with its name; nothing is left
 *   open then
 */
export async function start(
  config: Config,
  program: string,
  methods: readonly Method[] = [],
  version = "unknown",
  origin?: Origin,
): Promise<Server> {
  const log = getLog("broker");
  const dynamicSecurity = dynamicSecurityOf(config, getLog("authentication"));
  const first = dynamicSecurity === undefined ? [] : [dynamicSecurity.verifier];
  const entrance = entranceOf(config, system.readFile, methods, first);
  const http = await overHttp(config, entrance.authenticator, version);
  const listeners = new Listeners(log);
  const ended = Promise.withResolvers<void>();
  const around = surroundings({
    version,
    listeners,
    entrance,
    config: () => reloader.config,
    drain: (instruction) => drain(instruction).then(ended.resolve),
    perform: (task) => perform(task),
  });
  let prepared: PreparedListeners | undefined;
  let administration: Administration | undefined;
  let running: RunningBroker;
  try {
    // First, as a broker that is started twice by mistake mostly has the same ports.
    prepared = await listeners.prepare(config.listeners, config.limits, entrance.gate);
    administration = await openAdministration(config, log, http?.parts, http?.requestSize);
    running = await startBroker(config, entrance.authenticator, log, {
      ...around,
      dynamicSecurity,
    });
  } catch (error) {
    await administration?.close();
    await prepared?.discard();
    entrance.close();
    throw error;
  }
  const { broker, runtime, statistics, store } = running;
  entrance.goBy(running.clockOffset);
  const descriptors = descriptorRoom(config, program, log);
  const core: Core = { runtime, entropy: randomBytes(), descriptors };
  entrance.bans.watch(({ kind, value }) => { // perhaps in the midst of a turn
    runtime.feed({ type: "banned", kind, value });
    runtime.endTurnSoon(0);
  });
  prepared.commit(core);
  const sys = monitor({
    runtime,
    broker,
    statistics,
    now: running.now,
    version,
    promise: store.promise,
    mostConnections: () => descriptors.most,
    interval: config.sysInterval,
    log,
    cluster: running.node && (() => running.node!.seen()),
  });
  const lettingGo = setInterval(letGoUnused, UNUSED);
  administration.ready(sys);
  log.info("started", {
    store: storeName(config),
    ...(running.node === undefined ? {} : { node: running.node.seen().node }),
    promise: store.promise,
    connections: descriptors.most,
  });
  const reloader = new Reloader({
    config,
    origin,
    log: getLog("configuration"),
    prepare: (config) => prepare(config, { entrance, listeners, core, running, sys }),
  });
  http?.begin(running, () => reloader.config);
  const perform = tasksOf({
    store,
    limits: config.limits,
    reload: () => reloader.reload(),
    compare: () => reloader.compare(),
  });
  const drain = async (instruction: Instruction & { readonly type: "drain" }) => {
    await reloader.stop();
    administration.drain("draining");
    listeners.close();
    await sendOffAll(running, instruction);
    log.info("drained: no client is connected any more");
  };
  return {
    control: running.control,
    ended: ended.promise,
    get addresses() {
      return listeners.addresses;
    },
    statistics,
    bans: entrance.bans,
    failed: running.failed,
    reload: async ({ dryRun = false } = {}) =>
      dryRun ? reloader.compare() : await reloader.reload(),
    async stop() {
      await reloader.stop();
      administration.drain("stopping");
      listeners.close();
      entrance.close();
      clearInterval(lettingGo);
      sys.stop();
      await running.stop(reloader.config.limits.shutdownTimeout);
      await administration.close();
    },
  };
}

/** Management over HTTP, loaded where the configuration asks for it. */
async function overHttp(
  config: Config,
  authenticator: Authenticator,
  version: string,
): Promise<ManagementOverHttp | undefined> {
  if (config.admin?.management !== true) return undefined;
  const { managementOverHttp } = await import("./management_http.ts");
  return managementOverHttp(config, authenticator, version);
}

/** What a configuration decides about and that can be exchanged. */
interface Parts {
  readonly entrance: Entrance;
  readonly listeners: Listeners;
  readonly core: Core;
  readonly running: RunningBroker;
  readonly sys: Monitor;
}

/** Opens what another configuration asks for; `commit` has all of it hold in one turn. */
async function prepare(
  config: Config,
  { entrance, listeners, core, running, sys }: Parts,
): Promise<Prepared> {
  const { limits } = config;
  const rules = rulesOf(config);
  const nextEntrance = entrance.prepare(config);
  try {
    const nextListeners = await listeners.prepare(config.listeners, limits, entrance.gate);
    return {
      async discard() {
        nextEntrance.discard();
        await nextListeners.discard();
      },
      commit() {
        const { runtime, descriptors } = core;
        nextEntrance.commit();
        descriptors.change(limits.maximumConnections, limits.descriptorReserve);
        for (const listener of nextListeners.commit(core)) {
          runtime.feed({ type: "listenerRemoved", listener });
        }
        running.control.reconfigure(rules);
        runtime.endTurn();
        sys.every(config.sysInterval);
        running.tellEvents(config.clientEvents);
      },
    };
  } catch (error) {
    nextEntrance.discard();
    throw error;
  }
}

/** Room for what the configuration allows, as far as the process has file descriptors for it. */
function descriptorRoom({ limits }: Config, program: string, log: Log): DescriptorRoom {
  const { maximumConnections, descriptorReserve } = limits;
  return new DescriptorRoom(
    program,
    maximumConnections,
    descriptorReserve,
    (connections, wanted) => {
      log.warn("fewer connections than maximumConnections: raise the file descriptor limit", {
        connections,
        maximumConnections: wanted,
        reason: "ulimit -n",
      });
    },
  );
}
