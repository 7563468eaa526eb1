/**
 * Clients known by the clients of dynamic security, whose user names, passwords and client ids change while the
 * broker runs. What was proven lately is remembered, so that not everyone who comes back waits for a hash.
 *
 * A user who does not exist costs a hash too, and where nobody else knows it, the end of the chain refuses it
 * with the words of a wrong password.
 */

import { Reason } from "../packet/reason_code.ts";
import type { ClientId, Credentials, Instant } from "../policy/identity.ts";
import type { Answer, Verifier } from "./chain.ts";
import { refused, UNKNOWN, WRONG } from "./chain.ts";
import { nodeCrypto } from "./node_crypto.ts";
import type { PasswordHash } from "./password_hash.ts";
import { parsePasswordHash, provesPassword } from "./password_hash.ts";
import { Recent } from "./recent.ts";
import { Turns } from "./turns.ts";

/** A client as far as logging in is concerned. */
export interface DynamicLogin {
  /** `$7$iterations$salt$hash`; undefined: nobody can log in with its name and a password. */
  readonly password: string | undefined;
  /** The only one that it may have; undefined: any. */
  readonly clientId: ClientId | undefined;
  readonly disabled: boolean;
}

export interface DynamicVerifierOptions {
  /** The client of that user name as it is now. */
  readonly find: (username: string) => DynamicLogin | undefined;
  /** Passwords that are hashed at once, and that wait for it. */
  readonly atOnce: number;
  readonly mostWaiting: number;
  /** Milliseconds that a right password is remembered, and for how many. */
  readonly remembered: number;
  readonly mostRemembered: number;
  /** Iterations that most passwords have: what looking for a user who does not exist costs. */
  readonly iterations: number;
  readonly now: () => Instant;
}

/** The verifier. */
export function dynamicVerifier(options: DynamicVerifierOptions): Verifier {
  const { find, atOnce, mostWaiting, remembered, mostRemembered, now } = options;
  const turns = new Turns(atOnce, mostWaiting);
  const proven = new Recent<string>(mostRemembered, now);
  const secret = nodeCrypto().randomBytes(32);
  const nobody: PasswordHash = {
    type: "pbkdf2",
    iterations: options.iterations,
    salt: new Uint8Array(nodeCrypto().randomBytes(12)),
    hash: new Uint8Array(nodeCrypto().randomBytes(64)),
  };
  return {
    name: "dynamicSecurity",
    verify(credentials): Answer | Promise<Answer> {
      const { username, password } = credentials;
      // A user name alone proves nothing, and is a matter for others.
      if (username === undefined || password === undefined) return UNKNOWN;
      const client = find(username);
      const key = nodeCrypto().createHmac("sha256", secret).update(`${username}\0`).update(password)
        .digest("base64");
      if (client?.password !== undefined && proven.get(key) === client.password) {
        return mayLogIn(client, credentials, username);
      }
      return look(credentials, username, password, client?.password, key);
    },
  };

  async function look(
    credentials: Credentials,
    username: string,
    password: Uint8Array,
    text: string | undefined,
    key: string,
  ): Promise<Answer> {
    const hash = text === undefined ? nobody : parsePasswordHash(text);
    let right: boolean;
    try {
      right = await turns.run(() =>
        provesPassword(typeof hash === "string" ? nobody : hash, password)
      );
    } catch (error) {
      return refused(Reason.serverBusy, error instanceof Error ? error.message : String(error));
    }
    const client = find(username); // it may be another one by now
    if (client === undefined) return UNKNOWN;
    if (!right || text === undefined || client.password !== text) {
      return refused(Reason.badUserNameOrPassword, WRONG);
    }
    if (remembered > 0) proven.set(key, text, now() + remembered);
    return mayLogIn(client, credentials, username);
  }
}

function mayLogIn(client: DynamicLogin, { clientId }: Credentials, username: string): Answer {
  if (client.disabled) return refused(Reason.notAuthorized, "the client is disabled");
  if (client.clientId !== undefined && client.clientId !== clientId) {
    return refused(Reason.notAuthorized, "the user may connect only with its own client id");
  }
  return { type: "accepted", identity: { user: username, roles: [] } };
}
