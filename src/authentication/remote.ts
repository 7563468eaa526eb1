/**
 * Asking another server over HTTP: with an end to waiting, to what it may answer, and to asking a server
 * that does not. It follows nobody elsewhere, so that what is sent goes to whom it is meant for.
 */

import type { Instant } from "../policy/identity.ts";
import { Breaker } from "./breaker.ts";
import { Turns } from "./turns.ts";

export interface RemoteOptions {
  /** Milliseconds until a question is given up. */
  readonly timeout: number;
  /** Bytes of the largest answer. */
  readonly largest: number;
  /** Questions at once, and those that wait for it. */
  readonly atOnce: number;
  readonly mostWaiting: number;
  /** Failures in a row after which it is not asked for `pause` milliseconds. */
  readonly failures: number;
  readonly pause: number;
  /** Certificates in PEM of authorities to trust besides those of the system. */
  readonly authorities: readonly string[];
  readonly now: () => Instant;
  readonly changed: (open: boolean, error: unknown) => void;
}

export interface RemoteAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

export class Remote {
  readonly #options: RemoteOptions;
  readonly #turns: Turns;
  readonly #breaker: Breaker;
  readonly #client: Deno.HttpClient;
  readonly #closing = new AbortController();

  constructor(options: RemoteOptions) {
    this.#options = options;
    this.#turns = new Turns(options.atOnce, options.mostWaiting);
    this.#breaker = new Breaker(options);
    this.#client = Deno.createHttpClient({ caCerts: [...options.authorities] });
  }

  /**
   * The answer. Rejects where there is none, where it is too large, or where `isFailure` says in words why
   * it is no answer, which counts as a failure too.
   */
  ask(
    url: string,
    request: RequestInit,
    isFailure: (answer: RemoteAnswer) => string | undefined,
  ): Promise<RemoteAnswer> {
    return this.#turns.run(() =>
      this.#breaker.run(async () => {
        const answer = await this.#fetch(url, request);
        const failure = isFailure(answer);
        if (failure !== undefined) throw new Error(failure);
        return answer;
      })
    );
  }

  /** Gives up what is under way; nothing is asked any more. */
  close(): void {
    this.#closing.abort();
    this.#client.close();
  }

  async #fetch(url: string, request: RequestInit): Promise<RemoteAnswer> {
    const { timeout, largest } = this.#options;
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(new Error(`no answer in ${timeout} ms`)), timeout);
    try {
      const response = await fetch(url, {
        ...request,
        redirect: "manual",
        signal: AbortSignal.any([late.signal, this.#closing.signal]),
        client: this.#client,
      });
      const contentType = response.headers.get("content-type") ?? "";
      return { status: response.status, contentType, text: await textOf(response, largest) };
    } finally {
      clearTimeout(timer);
    }
  }
}

/** The body, which is not read any further than allowed. */
async function textOf({ body }: Response, largest: number): Promise<string> {
  if (body === null) return "";
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  for await (const part of body) {
    length += part.length;
    // Leaving the loop cancels the body.
    if (length > largest) throw new Error(`an answer of more than ${largest} bytes`);
    parts.push(part);
  }
  return await new Blob(parts).text();
}
