/**
 * The ways to know a client that a section `authentication` names, as verifiers.
 */

import type { Verifier } from "../authentication/chain.ts";
import { cached } from "../authentication/cached.ts";
import { ignoringFailures } from "../authentication/chain.ts";
import { httpVerifier } from "../authentication/http.ts";
import { jwtVerifier } from "../authentication/jwt.ts";
import type { JwtKeys, KeySet } from "../authentication/jwt_keys.ts";
import {
  keySetSource,
  keySetUrl,
  parseKeySet,
  parsePublicKey,
  secretKey,
} from "../authentication/jwt_keys.ts";
import type { PasswordUsers } from "../authentication/password_file.ts";
import {
  faultText,
  longestPasswordFile,
  parsePasswordFile,
} from "../authentication/password_file.ts";
import { passwordVerifier } from "../authentication/password_verifier.ts";
import { Remote } from "../authentication/remote.ts";
import { WatchedFile } from "../authentication/watched_file.ts";
import type { Instant } from "../policy/identity.ts";
import type { Limits } from "../policy/limits.ts";
import type { Config } from "./config.ts";
import { verifierNames } from "./config_verifiers.ts";
import type { HttpConfig, JwtConfig, PasswordFileConfig } from "./config_verifiers.ts";
import type { Log } from "./log.ts";

/** What verifiers need of the broker. */
export interface Surroundings {
  readonly limits: Limits;
  readonly now: () => Instant;
  readonly log: Log;
  /** Asked before those of the configuration. They are not closed here. */
  readonly first?: readonly Verifier[];
  /** Files that are watched already, by kind and path: those who share one share its watch. */
  readonly files: Map<string, WatchedFile<unknown>>;
}

/** Milliseconds between looks at a watched file: a change holds within seconds. */
const LOOK = 1_000;

/** Bytes of the largest file of keys. */
const LARGEST_KEY_FILE = 1_048_576;

/**
 * The verifiers of a section, in its order. Files are read at once, and watched from then on.
 *
 * @throws an Error that names the file, where it cannot be read or is wrong; nothing is watched then
 */
export function verifiersOf(
  section: Config["authentication"],
  surroundings: Surroundings,
): readonly Verifier[] {
  const { passwordFile, jwt, http } = section;
  const made: Verifier[] = [];
  try {
    for (const name of section.order ?? verifierNames) {
      if (name === "passwordFile" && passwordFile !== undefined) {
        made.push(ofPasswordFile(passwordFile, surroundings));
      } else if (name === "jwt" && jwt !== undefined) {
        made.push(ofTokens(jwt, surroundings));
      } else if (name === "http" && http !== undefined) {
        made.push(ofHttp(http, surroundings));
      }
    }
    return made;
  } catch (error) {
    for (const verifier of made) verifier.close?.();
    throw error;
  }
}

/** What is wrong with the files that sections `authentication` name, a text for each problem. */
export function brokenFiles(
  { authentication, listeners }: Pick<Config, "authentication" | "listeners">,
): readonly string[] {
  const sections = [authentication, ...listeners.map((listener) => listener.authentication)];
  const found = sections.flatMap((section) => {
    const { passwordFile, jwt, http } = section ?? {};
    return [
      ...problemsOf(passwordFile?.file, (text, path) => readPasswordFile(path, text)),
      ...problemsOf(jwt?.publicKeyFile, parsePublicKey),
      ...problemsOf(jwt?.jwksFile, parseKeySet),
      ...problemsOf(jwt?.authorityFile, () => {}),
      ...problemsOf(http?.authorityFile, () => {}),
    ];
  });
  return [...new Set(found)]; // listeners may share a file
}

function problemsOf(
  path: string | undefined,
  parse: (text: string, path: string) => unknown,
): readonly string[] {
  if (path === undefined) return [];
  try {
    named(path, () => parse(Deno.readTextFileSync(path), path));
    return [];
  } catch (error) {
    return (error instanceof Error ? error.message : String(error)).split("\n");
  }
}

/** Reads a password file. Throws an Error with every fault on a line of its own. */
export function readPasswordFile(path: string, text: string): PasswordUsers {
  const { users, faults } = parsePasswordFile(text);
  if (faults.length === 0) return users;
  throw new Error(faults.map((fault) => faultText(path, fault)).join("\n"));
}

function ofPasswordFile(
  { file, roles, remember }: PasswordFileConfig,
  surroundings: Surroundings,
): Verifier {
  const { limits, now } = surroundings;
  const watched = watch<PasswordUsers>(
    { kind: "users", path: file, largest: longestPasswordFile },
    (text) => readPasswordFile(file, text),
    surroundings,
  );
  return passwordVerifier({
    users: () => watched.value,
    roles: new Map(roles.map(({ user, roles }) => [user, roles])),
    atOnce: limits.passwordHashes,
    mostWaiting: limits.passwordsWaiting,
    remembered: remember * 1000,
    mostRemembered: limits.authenticationCache,
    now,
    close: () => watched.close(),
  });
}

function ofTokens(config: JwtConfig, surroundings: Surroundings): Verifier {
  const isSecret = config.secret !== undefined;
  return jwtVerifier({
    keys: keysOf(config, surroundings),
    algorithms: config.algorithms ?? (isSecret ? ["HS256"] : USUAL_ALGORITHMS),
    issuers: config.issuers,
    audiences: config.audiences,
    tolerance: config.clockTolerance * 1000,
    requireExpiry: config.requireExpiry,
    from: config.from,
    userClaim: config.userClaim,
    rolesClaim: config.rolesClaim,
    accessClaim: config.accessClaim,
    clientIdClaim: config.clientIdClaim,
    now: surroundings.now,
  });
}

const USUAL_ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"];

function keysOf(config: JwtConfig, surroundings: Surroundings): JwtKeys {
  const { secret, publicKeyFile, jwksFile, jwksUrl, jwksCache, jwksCooldown } = config;
  const { log, now } = surroundings;
  if (secret !== undefined) return secretKey(new TextEncoder().encode(secret));
  if (jwksUrl !== undefined) {
    return keySetUrl({
      url: jwksUrl,
      remote: remoteOf("jwt", config.authorityFile, surroundings),
      cached: jwksCache * 1000,
      cooldown: jwksCooldown * 1000,
      now,
      failed: (reason) => log.warn("the keys of tokens cannot be got", { url: jwksUrl, reason }),
    });
  }
  const file = publicKeyFile ?? jwksFile!;
  const parse = publicKeyFile !== undefined ? parsePublicKey : parseKeySet;
  const watched = watch<KeySet>(
    { kind: publicKeyFile !== undefined ? "key" : "keys", path: file, largest: LARGEST_KEY_FILE },
    (text) => named(file, () => parse(text)),
    surroundings,
  );
  return keySetSource(() => watched.value, () => watched.close());
}

function ofHttp(config: HttpConfig, surroundings: Surroundings): Verifier {
  const { url, method, headers, body, format, authorityFile, onFailure } = config;
  const { limits, now, log } = surroundings;
  const verifier = cached(
    httpVerifier({
      url,
      method,
      headers,
      body,
      format,
      remote: remoteOf("http", authorityFile, surroundings),
      failed: (reason) =>
        log.debug("an authentication server gave no answer", { reason: withoutQuery(reason) }),
    }),
    {
      positive: config.cache * 1000,
      negative: config.negativeCache * 1000,
      most: limits.authenticationCache,
      now,
    },
  );
  return onFailure === "ignore" ? ignoringFailures(verifier) : verifier;
}

/** What stands behind a `?` may hold a password. */
function withoutQuery(reason: string): string {
  return reason.replace(/(https?:\/\/[^\s?]*)\?[^\s)]*/g, "$1?…");
}

function remoteOf(
  name: string,
  authorityFile: string | undefined,
  { limits, now, log }: Surroundings,
): Remote {
  return new Remote({
    timeout: limits.remoteTimeout * 1000,
    largest: limits.remoteAnswer,
    atOnce: limits.remoteQuestions,
    mostWaiting: limits.remoteWaiting,
    failures: limits.remoteFailures,
    pause: limits.remotePause * 1000,
    authorities: authorityFile === undefined ? [] : [readText(authorityFile)],
    now,
    changed: (open, error) => {
      if (!open) return log.info("an authentication server answers again", { verifier: name });
      log.warn("an authentication server is not asked for a time", {
        verifier: name,
        reason: withoutQuery(error instanceof Error ? error.message : String(error)),
        seconds: limits.remotePause,
      });
    },
  });
}

function readText(path: string): string {
  return named(path, () => Deno.readTextFileSync(path));
}

/** Watches a file, or hands out the watch that there is: all of them end together. */
function watch<Value>(
  { kind, path, largest }: {
    readonly kind: string;
    readonly path: string;
    readonly largest: number;
  },
  parse: (text: string) => Value,
  { files, log }: Surroundings,
): WatchedFile<Value> {
  const key = `${kind} ${path}`;
  const known = files.get(key) as WatchedFile<Value> | undefined;
  if (known !== undefined) return known;
  const watched = named(path, () =>
    new WatchedFile({
      path,
      parse,
      largest,
      interval: LOOK,
      changed: () => log.info("a file was read again", { file: path }),
      failed: (reason) =>
        log.error("a changed file is not used: what it said before holds", { file: path, reason }),
    }));
  files.set(key, watched);
  return watched;
}

/** An Error that names the file, whatever was wrong with it. */
function named<Result>(path: string, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    throw words.includes(path) ? error : new Error(`${path}: error: ${words}`, { cause: error });
  }
}
