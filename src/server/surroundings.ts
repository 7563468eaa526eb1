/**
 * What services see and ask for of the shell, put together from its parts.
 */

import type { Config } from "./config.ts";
import type { Surroundings } from "./core.ts";
import type { Entrance } from "./entrance.ts";
import type { Listeners } from "./listeners.ts";
import { logLevel, setLogLevel } from "./log.ts";
import type { Instruction } from "../service/service.ts";

export interface SurroundingsOptions {
  readonly version: string;
  readonly listeners: Listeners;
  readonly entrance: Entrance;
  /** The configuration that holds. */
  readonly config: () => Config;
  readonly drain: (instruction: Instruction & { readonly type: "drain" }) => void;
  readonly perform: Surroundings["perform"];
}

/** The surroundings. */
export function surroundings(options: SurroundingsOptions): Surroundings {
  const { version, listeners, entrance, config, drain, perform } = options;
  const startedAt = performance.timeOrigin + performance.now();
  let draining = false;
  return {
    version,
    world: ({ statistics, recentDrops, traces, store, control, node, clockOffset }) => ({
      version,
      startedAt: startedAt + clockOffset,
      promise: store.promise,
      get configured() {
        return control.configured;
      },
      get listeners() {
        return listeners.views;
      },
      statistics,
      recentDrops,
      traces,
      bans: (now) => entrance.bans.list(now),
      get logLevel() {
        return logLevel();
      },
      get logLevelConfigured() {
        return config().log.level;
      },
      get draining() {
        return draining;
      },
      get storeUnreachable() {
        return node?.unreachable;
      },
    }),
    perform,
    instruct(instruction, now) {
      switch (instruction.type) {
        case "ban":
          entrance.bans.add(instruction.ban, now);
          return;
        case "unban":
          entrance.bans.remove(instruction.kind, instruction.value);
          return;
        case "logLevel":
          return setLogLevel(instruction.level);
        case "drain":
          draining = true;
          return drain(instruction);
      }
    },
  };
}
