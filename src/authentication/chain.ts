/**
 * A chain of ways to know a client: they are asked in turn, and the first that knows it decides.
 */

import { Reason } from "../packet/reason_code.ts";
import type { Credentials, Verdict } from "../policy/identity.ts";
import type { Authenticator } from "./authenticator.ts";

/** What one way says: a verdict, which is final, or that it does not know the client. */
export type Answer = Exclude<Verdict, { readonly type: "continue" }> | typeof UNKNOWN;

/** The client is none of ours: the next one is asked. */
export const UNKNOWN = { type: "unknown" } as const;

/** One way to know a client. */
export interface Verifier {
  /** For the log. */
  readonly name: string;
  /** Does not reject; whoever cannot find out refuses. */
  verify(credentials: Credentials): Answer | Promise<Answer>;
  /** Ends what it does on its own, such as watching a file. */
  close?(): void;
}

/**
 * The verifiers as an Authenticator. A client that none of them knows, and that showed something to be
 * known by, is refused: 0x86; one that showed nothing is left to `last`.
 *
 * @param verifiers asked in this order; with none, `last` alone decides about everybody
 * @param last about clients that gave neither user name nor password
 */
export function chainOf(verifiers: readonly Verifier[], last: Authenticator): Authenticator {
  if (verifiers.length === 0) return last;
  return {
    verify: (credentials) => askFrom(verifiers, 0, credentials, last),
    close() {
      for (const verifier of verifiers) verifier.close?.();
    },
  };
}

/** Synchronous for as long as the answers are. */
function askFrom(
  verifiers: readonly Verifier[],
  first: number,
  credentials: Credentials,
  last: Authenticator,
): Verdict | Promise<Verdict> {
  for (let at = first; at < verifiers.length; at++) {
    const answer = verifiers[at]!.verify(credentials);
    if (answer instanceof Promise) {
      return answer.then((answer) =>
        answer.type === "unknown" ? askFrom(verifiers, at + 1, credentials, last) : answer
      );
    }
    if (answer.type !== "unknown") return answer;
  }
  if (credentials.username === undefined && credentials.password === undefined) {
    return last.verify(credentials);
  }
  return refused(Reason.badUserNameOrPassword, WRONG);
}

/** The one thing that is said about a user who does not exist and about a wrong password. */
export const WRONG = "the user name or the password is wrong";

/** A refusal. */
export function refused(reason: number, detail: string): Answer & { readonly type: "refused" } {
  return { type: "refused", reason, detail };
}

/** It could not be found out who it is: nothing is proven, and the next time it may be. */
export function isPassing(answer: Answer | Verdict): boolean {
  return answer.type === "refused" &&
    (answer.reason === Reason.serverUnavailable || answer.reason === Reason.serverBusy);
}

/** The same verifier, which does not know a client where it cannot find out. */
export function ignoringFailures(verifier: Verifier): Verifier {
  const lenient = (answer: Answer): Answer => isPassing(answer) ? UNKNOWN : answer;
  return {
    name: verifier.name,
    verify(credentials) {
      const answer = verifier.verify(credentials);
      return answer instanceof Promise ? answer.then(lenient) : lenient(answer);
    },
    close: () => verifier.close?.(),
  };
}
