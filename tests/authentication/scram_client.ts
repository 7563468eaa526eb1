/**
 * The client's side of SCRAM-SHA-256, RFC 5802 and RFC 7677, written apart from the server's: it uses
 * WebCrypto and none of src/authentication. It refuses what a client should.
 */

import assert from "node:assert/strict";

const TO_BYTES = new TextEncoder();
const TO_TEXT = new TextDecoder();

/** What a client lets a server ask for: more would keep it busy for longer than it wants. */
const MOST_ITERATIONS = 100_000;

export interface ScramClientOptions {
  readonly user: string;
  readonly password: string;
  readonly nonce?: string;
  /** Default `n,,`. */
  readonly gs2Header?: string;
  /** Behind the nonce, each with a comma before it. */
  readonly extensions?: string;
}

export interface ScramClient {
  /** client-first-message. */
  readonly first: Uint8Array;
  /** client-final-message for a server-first-message; throws where that cannot be trusted. */
  final(serverFirst: Uint8Array | undefined): Promise<Uint8Array>;
  /** Throws unless the server has proven that it knows the password too. */
  check(serverFinal: Uint8Array | undefined): void;
}

/** One exchange of a client. The password is ASCII, or prepared already. */
export function scramClient(options: ScramClientOptions): ScramClient {
  const { user, password, gs2Header = "n,,", extensions = "" } = options;
  const nonce = options.nonce ?? base64(crypto.getRandomValues(new Uint8Array(18)));
  const name = user.replaceAll("=", "=3D").replaceAll(",", "=2C");
  const bare = `n=${name},r=${nonce}${extensions}`;
  let signature = "";
  return {
    first: TO_BYTES.encode(gs2Header + bare),
    async final(serverFirst) {
      const message = TO_TEXT.decode(serverFirst);
      const match = /^r=([!-+\--~]+),s=([A-Za-z0-9+/=]+),i=(\d+)$/.exec(message);
      assert.ok(match !== null, `server-first-message is ${message}`);
      const [, whole, salt, count] = match;
      assert.ok(whole!.startsWith(nonce) && whole!.length > nonce.length, "a strange nonce");
      const iterations = Number(count);
      assert.ok(iterations >= 4_096 && iterations <= MOST_ITERATIONS, `${iterations} iterations`);
      const withoutProof = `c=${base64(TO_BYTES.encode(gs2Header))},r=${whole}`;
      const said = `${bare},${message},${withoutProof}`;
      const salted = await pbkdf2(password, unbase64(salt!), iterations);
      const clientKey = await hmac(salted, "Client Key");
      const storedKey = new Uint8Array(await crypto.subtle.digest("SHA-256", clientKey));
      const clientSignature = await hmac(storedKey, said);
      const proof = clientKey.map((byte, at) => byte ^ clientSignature[at]!);
      signature = base64(await hmac(await hmac(salted, "Server Key"), said));
      return TO_BYTES.encode(`${withoutProof},p=${base64(proof)}`);
    },
    check(serverFinal) {
      assert.ok(signature !== "", "nothing has been proven yet");
      assert.equal(TO_TEXT.decode(serverFinal), `v=${signature}`);
    },
  };
}

async function pbkdf2(password: string, salt: Uint8Array<ArrayBuffer>, iterations: number) {
  const key = await crypto.subtle.importKey("raw", TO_BYTES.encode(password), "PBKDF2", false, [
    "deriveBits",
  ]);
  const parameters = { name: "PBKDF2", hash: "SHA-256", salt, iterations };
  return new Uint8Array(await crypto.subtle.deriveBits(parameters, key, 256));
}

async function hmac(key: Uint8Array<ArrayBuffer>, text: string): Promise<Uint8Array<ArrayBuffer>> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", key, algorithm, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, TO_BYTES.encode(text)));
}

function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

function unbase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}
