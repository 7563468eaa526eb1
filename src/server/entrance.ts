/**
 * All that decides who comes in, put together: the gate before the links, the authenticator behind its
 * guard, and the list of bans that both look into.
 */

import type { Authenticator } from "../authentication/authenticator.ts";
import { Failures } from "../authentication/failures.ts";
import type { Failed } from "../authentication/guarded.ts";
import { guarded } from "../authentication/guarded.ts";
import type { Method } from "../authentication/method.ts";
import { Bans } from "../policy/bans.ts";
import type { Limits } from "../policy/limits.ts";
import { authenticatorOf } from "./authenticator_of.ts";
import type { Config } from "./config.ts";
import type { Outside } from "./config_substitute.ts";
import { Gate } from "./gate.ts";
import type { Log } from "./log.ts";
import { getLog } from "./log.ts";

export interface Entrance {
  readonly authenticator: Authenticator;
  readonly gate: Gate;
  readonly bans: Bans;
  /** Ends what it does on its own, and answers all who wait. */
  close(): void;
}

/**
 * The entrance of a configuration. Whoever asks for it closes it.
 *
 * @throws an Error with every problem of a file that it names on a line of its own
 */
export function entranceOf(
  config: Pick<Config, "authentication" | "listeners" | "limits">,
  readFile: Outside["readFile"],
  methods: readonly Method[],
): Entrance {
  const log = getLog("authentication");
  const { limits } = config;
  const bans = new Bans(limits.bans);
  const inner = authenticatorOf(config, readFile, methods, { limits, now, log });
  const authenticator = guarded(inner, {
    bans,
    failures: failuresOf(limits),
    banTime: limits.banTime * 1000,
    now,
    failed: (failed) => tell(log, failed),
    banned: (kind, value) => log.warn("banned", { kind, value, seconds: limits.banTime }),
  });
  return {
    authenticator,
    gate: new Gate(bans, limits, now),
    bans,
    close: () => authenticator.close?.(),
  };
}

/** An Instant, as the broker's clock has it: the wall clock at start and the time since. */
function now(): number {
  return performance.timeOrigin + performance.now();
}

function failuresOf(limits: Limits): Failures {
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
