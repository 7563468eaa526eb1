/**
 * The TLS handshakes that are under way, and how many may be. Above that the one that has lasted longest
 * gives way: an honest client is through in a moment, one that holds on to its place is the oldest soon.
 */

import type { Link } from "./transport.ts";
import { Refused } from "./transport.ts";

/** A mutable island, one for each listener. */
export class Handshakes {
  readonly #most: number;
  /** The oldest first; those that gave way are in `#gone`. */
  readonly #underWay = new Set<Link>();
  readonly #gone = new WeakSet<Link>();

  /** @param most at once */
  constructor(most: number) {
    this.#most = most;
  }

  /** Runs one, which ends when its link is closed. */
  async run(link: Link, handshake: () => Promise<Link>): Promise<Link> {
    if (this.#underWay.size >= this.#most) this.#oldestGivesWay();
    this.#underWay.add(link);
    try {
      return await handshake();
    } catch (error) {
      if (!this.#gone.has(link)) throw error;
      throw new Refused(`TLS: gave way to others, of which ${this.#most} are let in (handshakes)`);
    } finally {
      this.#underWay.delete(link);
    }
  }

  #oldestGivesWay(): void {
    for (const oldest of this.#underWay) {
      this.#underWay.delete(oldest);
      this.#gone.add(oldest);
      oldest.close();
      return;
    }
  }
}

/** What a failed handshake was, in words for the log; undefined where the client just went away. */
export function handshakeFault(error: unknown): string | undefined {
  const text = error instanceof Error ? error.message : String(error);
  if (/eof|ECONNRESET|reset by peer|broken pipe|socket hang up|closed/i.test(text)) {
    return undefined;
  }
  if (/InvalidContentType|corrupt message/.test(text)) return "the client does not speak TLS";
  if (
    /SignatureAlgorithmsExtensionRequired|ProtocolVersion|Tls12NotOffered|NotOffered/.test(text)
  ) {
    return "the client offers no TLS 1.2 or 1.3";
  }
  return text;
}
