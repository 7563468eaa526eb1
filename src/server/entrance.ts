/**
 * All that decides who comes in, put together: the gate before the links, the authenticator behind its
 * guard, and the list of bans that both look into. A reload exchanges it; bans and counted failures stay.
 */

import type { Authenticator } from "../authentication/authenticator.ts";
import { ExchangeableAuthenticator } from "../authentication/exchangeable.ts";
import { Failures } from "../authentication/failures.ts";
import type { Failed } from "../authentication/guarded.ts";
import { guarded } from "../authentication/guarded.ts";
import type { Verifier } from "../authentication/chain.ts";
import type { Method } from "../authentication/method.ts";
import { Bans } from "../policy/bans.ts";
import type { Limits } from "../policy/limits.ts";
import { authenticatorOf } from "./authenticator_of.ts";
import type { Config } from "./config.ts";
import type { Outside } from "./config_substitute.ts";
import { Gate } from "./gate.ts";
import type { Log } from "./log.ts";
import { getLog } from "./log.ts";

/** What of the configuration it is made of. */
export type EntranceConfig = Pick<Config, "authentication" | "listeners" | "limits">;

export interface Entrance {
  readonly authenticator: Authenticator;
  readonly gate: Gate;
  readonly bans: Bans;
  /**
   * Makes what another configuration says, which reads its files. Nothing changes before `commit`.
   *
   * @throws an Error with every problem of a file that it names on a line of its own
   */
  prepare(config: EntranceConfig): PreparedEntrance;
  /** Goes by the clock that is so many milliseconds ahead of this machine's: nodes of a cluster share bans. */
  goBy(clockOffset: number): void;
  /** Ends what it does on its own, and answers all who wait. */
  close(): void;
}

/** Another entrance, which is to be taken or left. */
export interface PreparedEntrance {
  commit(): void;
  discard(): void;
}

/** What is exchanged together. */
interface Parts {
  /** All that they are made from, as text. */
  readonly madeFrom: string;
  readonly limits: Limits;
  readonly authenticator: Authenticator;
  readonly failures: Failures;
}

/**
 * The entrance of a configuration. Whoever asks for it closes it.
 *
 * @param first ways to know a client that are asked before those of the configuration, on every listener
 * @throws an Error with every problem of a file that it names on a line of its own
 */
export function entranceOf(
  config: EntranceConfig,
  readFile: Outside["readFile"],
  methods: readonly Method[],
  first: readonly Verifier[] = [],
): Entrance {
  const log = getLog("authentication");
  const bans = new Bans(config.limits.bans);
  let offset = 0;
  const now = () => localNow() + offset;
  const partsOf = (config: EntranceConfig, before: Parts | undefined): Parts => {
    const { limits } = config;
    const inner = authenticatorOf(config, readFile, methods, { limits, now, log, first });
    // Failures are forgotten only where other limits say what they lead to.
    const failures =
      before !== undefined && FAILURE_LIMITS.every((name) => before.limits[name] === limits[name])
        ? before.failures
        : failuresOf(limits, now);
    const authenticator = guarded(inner, {
      bans,
      failures,
      banTime: limits.banTime * 1000,
      now,
      failed: (failed) => tell(log, failed),
      banned: (kind, value) => log.warn("banned", { kind, value, seconds: limits.banTime }),
    });
    return { madeFrom: materialOf(config, readFile), limits, authenticator, failures };
  };
  let parts = partsOf(config, undefined);
  const gate = new Gate(bans, config.limits, now);
  const authenticator = new ExchangeableAuthenticator(parts.authenticator);
  return {
    authenticator,
    gate,
    bans,
    prepare(config) {
      // What has not changed keeps what it knows: answers, keys, which server does not answer.
      if (materialOf(config, readFile) === parts.madeFrom) return NOTHING_NEW;
      const next = partsOf(config, parts);
      return {
        commit() {
          parts = next;
          gate.change(next.limits);
          bans.bound(next.limits.bans, now());
          authenticator.exchange(next.authenticator);
        },
        discard: () => next.authenticator.close?.(),
      };
    },
    goBy(clockOffset) {
      offset = clockOffset;
    },
    close: () => authenticator.close(),
  };
}

const NOTHING_NEW: PreparedEntrance = { commit() {}, discard() {} };

/** All that decides about who comes in, files that are read once included; the others are watched. */
function materialOf(config: EntranceConfig, readFile: Outside["readFile"]): string {
  const { authentication, limits } = config;
  const own = config.listeners.map(({ name, authentication }) => ({ name, authentication }));
  const files = [authentication, ...own.map((listener) => listener.authentication)]
    .flatMap((one) => [one?.scram?.file, one?.jwt?.authorityFile, one?.http?.authorityFile])
    .filter((file) => file !== undefined);
  return JSON.stringify([authentication, own, limits, files.map(readFile)]);
}

const FAILURE_LIMITS = [
  "failureMemory",
  "rememberedAddresses",
  "failureDelay",
  "failureDelayMaximum",
  "connectTimeout",
  "failuresPerAddress",
  "failuresPerClientId",
  "failuresPerUser",
] as const;

/** An Instant, as the clock of a broker that is alone has it: the wall clock at start and the time since. */
function localNow(): number {
  return performance.timeOrigin + performance.now();
}

function failuresOf(limits: Limits, now: () => number): Failures {
  return new Failures({
    remembered: limits.failureMemory * 1000,
    most: limits.rememberedAddresses,
    delay: limits.failureDelay,
    // An answer that comes after connectTimeout is none.
    longestDelay: Math.min(limits.failureDelayMaximum, limits.connectTimeout * 500),
    banAfter: {
      address: limits.failuresPerAddress,
      clientId: limits.failuresPerClientId,
      user: limits.failuresPerUser,
    },
    now,
  });
}

/** One line, whose message and fields programs such as fail2ban rely on: see the README. */
function tell(log: Log, { address, user, clientId, reason, detail, listener }: Failed): void {
  log.warn("authentication failed", { address, user, clientId, reason, detail, listener });
}
