/**
 * An authenticator that can be exchanged for another while clients are being let in: who was asked answers,
 * and is closed when nobody waits for its answer any more. A mutable island, one for each broker.
 */

import type { Credentials, Verdict } from "../policy/identity.ts";
import type { Authenticator } from "./authenticator.ts";
import type { Exchange } from "./method.ts";

/** One of them, and how many wait for its answers. */
interface Held {
  readonly authenticator: Authenticator;
  waiting: number;
  replaced: boolean;
}

export class ExchangeableAuthenticator implements Authenticator {
  #held: Held;
  /** Those that are not the one any more and still have to answer. */
  readonly #leaving = new Set<Held>();

  constructor(first: Authenticator) {
    this.#held = { authenticator: first, waiting: 0, replaced: false };
  }

  verify(credentials: Credentials): Verdict | Promise<Verdict> {
    const held = this.#held;
    return this.#awaited(held, held.authenticator.verify(credentials));
  }

  begin(credentials: Credentials): Exchange | undefined {
    const held = this.#held;
    const exchange = held.authenticator.begin?.(credentials);
    if (exchange === undefined) return undefined;
    return { step: (data) => this.#awaited(held, exchange.step(data)) };
  }

  /** Asks another one from now on. */
  exchange(next: Authenticator): void {
    const held = this.#held;
    held.replaced = true;
    this.#held = { authenticator: next, waiting: 0, replaced: false };
    if (held.waiting === 0) held.authenticator.close?.();
    else this.#leaving.add(held);
  }

  close(): void {
    this.#held.authenticator.close?.();
    for (const { authenticator } of this.#leaving) authenticator.close?.();
    this.#leaving.clear();
  }

  #awaited(held: Held, verdict: Verdict | Promise<Verdict>): Verdict | Promise<Verdict> {
    if (!(verdict instanceof Promise)) return verdict;
    held.waiting += 1;
    return verdict.finally(() => {
      held.waiting -= 1;
      if (!held.replaced || held.waiting > 0) return;
      if (this.#leaving.delete(held)) held.authenticator.close?.();
    });
  }
}
