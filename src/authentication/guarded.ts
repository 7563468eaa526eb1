/**
 * An authenticator behind a guard: who is banned is refused before anybody is asked; who fails waits for
 * the answer, longer each time, and is banned when it goes on; every failure is told of once.
 */

import { Reason, reasonName } from "../packet/reason_code.ts";
import type { Bans } from "../policy/bans.ts";
import type { Credentials, Instant, Verdict } from "../policy/identity.ts";
import type { Authenticator } from "./authenticator.ts";
import { isPassing } from "./chain.ts";
import type { Failures } from "./failures.ts";
import type { Exchange } from "./method.ts";

/** A failed authentication, for the log. The order of the fields is part of what others rely on. */
export interface Failed {
  /** As links write it. */
  readonly address: string;
  /** The user name that was sent; undefined where none was. */
  readonly user: string | undefined;
  readonly clientId: string;
  /** The name of the Reason Code. */
  readonly reason: string;
  readonly detail: string;
  readonly listener: string;
}

export interface GuardOptions {
  readonly bans: Bans;
  readonly failures: Failures;
  /** Milliseconds that a ban lasts which failures lead to. */
  readonly banTime: number;
  readonly now: () => Instant;
  readonly failed: (failed: Failed) => void;
  readonly banned: (kind: string, value: string) => void;
}

/** The same authenticator behind the guard. */
export function guarded(inner: Authenticator, options: GuardOptions): Authenticator {
  const guard = new Guard(options);
  return {
    verify(credentials) {
      const banned = guard.banned(credentials);
      if (banned !== undefined) return banned;
      return guard.judge(credentials, inner.verify(credentials));
    },
    begin(credentials) {
      const exchange = inner.begin?.(credentials);
      if (exchange === undefined) return undefined;
      const guardedExchange: Exchange = {
        step(data) {
          const banned = guard.banned(credentials);
          if (banned !== undefined) return banned;
          return guard.judge(credentials, exchange.step(data));
        },
      };
      return guardedExchange;
    },
    close() {
      guard.close();
      inner.close?.();
    },
  };
}

class Guard {
  readonly #options: GuardOptions;
  /** Answers that are kept back, each with its timer: as many as there are connections at most. */
  readonly #keptBack = new Map<ReturnType<typeof setTimeout>, () => void>();

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  /** Refuses a client id or user that is banned; an address has not come this far. */
  banned({ clientId, username, peer }: Credentials): Verdict | undefined {
    const { bans, now } = this.#options;
    const at = now();
    const ban = bans.find("address", peer.address, at) ?? bans.find("clientId", clientId, at) ??
      (username === undefined ? undefined : bans.find("user", username, at));
    return ban === undefined ? undefined : BANNED;
  }

  /** Lets what is well pass at once. */
  judge(
    credentials: Credentials,
    verdict: Verdict | Promise<Verdict>,
  ): Verdict | Promise<Verdict> {
    if (verdict instanceof Promise) {
      return verdict.then((verdict) => this.#judgeOne(credentials, verdict));
    }
    return this.#judgeOne(credentials, verdict);
  }

  /** Answers all that are kept back. */
  close(): void {
    for (const [timer, answer] of this.#keptBack) {
      clearTimeout(timer);
      answer();
    }
    this.#keptBack.clear();
  }

  #judgeOne(credentials: Credentials, verdict: Verdict): Verdict | Promise<Verdict> {
    if (verdict.type === "continue") return verdict;
    if (verdict.type === "refused") return this.#refuse(credentials, verdict);
    const { bans, failures, now } = this.#options;
    const { user } = verdict.identity;
    // It may have a name that it did not send, as a certificate has.
    if (user !== undefined && bans.find("user", user, now()) !== undefined) return BANNED;
    failures.succeeded(user);
    return verdict;
  }

  #refuse(
    { peer, clientId, username }: Credentials,
    verdict: Verdict & { readonly type: "refused" },
  ): Verdict | Promise<Verdict> {
    const { bans, failures, banTime, now, failed, banned } = this.#options;
    const { address, listener } = peer;
    failed({
      address,
      user: username,
      clientId,
      reason: reasonName(verdict.reason),
      detail: verdict.detail,
      listener,
    });
    if (isPassing(verdict)) return verdict; // it is no fault of the client's
    const { delay, bans: earned } = failures.failed({ address, clientId, user: username });
    for (const { kind, value } of earned) {
      const until = now() + banTime;
      bans.add({ kind, value, until, reason: "too many failed authentications" }, now());
      banned(kind, value);
    }
    return delay === 0 ? verdict : this.#keepBack(verdict, delay);
  }

  #keepBack(verdict: Verdict, delay: number): Promise<Verdict> {
    return new Promise((resolve) => {
      const answer = () => resolve(verdict);
      const timer = setTimeout(() => {
        this.#keptBack.delete(timer);
        answer();
      }, delay);
      this.#keptBack.set(timer, answer);
    });
  }
}

const BANNED: Verdict = {
  type: "refused",
  reason: Reason.banned,
  detail: "it is banned for a time",
  told: "it is banned for a time",
};
