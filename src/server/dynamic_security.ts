/**
 * Dynamic security as the shell has it: the service, the verifier that looks into the service's state, and what
 * there is at the first start. Decides nothing that the service could decide.
 */

import type { Verifier } from "../authentication/chain.ts";
import { dynamicVerifier } from "../authentication/dynamic_verifier.ts";
import { nodeCrypto } from "../authentication/node_crypto.ts";
import { formatPasswordHash, hashPassword } from "../authentication/password_hash.ts";
import type { Imported } from "../service/dynamic_security/initial.ts";
import { firstState, importDynamicSecurity } from "../service/dynamic_security/initial.ts";
import { valueOf } from "../service/dynamic_security/name_map.ts";
import type { DynamicSecurity } from "../service/dynamic_security/service.ts";
import {
  dynamicSecurityName,
  dynamicSecurityService,
} from "../service/dynamic_security/service.ts";
import { GENERAL, settingsOf } from "../service/dynamic_security/settings.ts";
import type { Service } from "../service/service.ts";
import type { Write } from "../session/write.ts";
import type { Store } from "../store/store.ts";
import type { Config } from "./config.ts";
import type { DynamicSecurityConfig } from "./config_dynamic_security.ts";
import type { Log } from "./log.ts";

/** Iterations of passwords that are hashed here: about 20 ms a login. */
const ITERATIONS = 20_000;

/** Characters of the largest file that is imported. */
const LARGEST_FILE = 64 * 1024 * 1024;

/** Problems of a file that are told. */
const MOST_PROBLEMS = 20;

/** Where a password that was made up is written, in the data directory. */
const PASSWORD_FILE = "dynamic-security-admin.txt";

export interface DynamicSecurityParts {
  readonly service: Service;
  readonly verifier: Verifier;
  /**
   * The settings of a first start, made durable; the ones given where it is not the first.
   *
   * @param settings what the store has kept, by full names
   * @throws where the file to import cannot be read or is wrong, or a password cannot be written
   */
  seed(settings: ReadonlyMap<string, string>, store: Store): Promise<ReadonlyMap<string, string>>;
}

/** The parts; undefined where the configuration does not ask for them. */
export function dynamicSecurityOf(
  config: Pick<Config, "dynamicSecurity" | "data" | "limits">,
  log: Log,
): DynamicSecurityParts | undefined {
  const { dynamicSecurity: section, limits } = config;
  if (section === undefined) return undefined;
  let current: DynamicSecurity | undefined;
  const service: Service<DynamicSecurity> = {
    ...dynamicSecurityService,
    rules(state, configured) {
      current = state; // asked with every state that holds from then on
      return dynamicSecurityService.rules!(state, configured);
    },
  };
  const verifier = dynamicVerifier({
    find: (username) => current && valueOf(current.state.clients, username),
    atOnce: limits.passwordHashes,
    mostWaiting: limits.passwordsWaiting,
    remembered: section.remember * 1000,
    mostRemembered: limits.authenticationCache,
    iterations: ITERATIONS,
    now: () => performance.timeOrigin + performance.now(),
  });
  return {
    service: service as Service,
    verifier,
    async seed(settings, store) {
      const prefix = `${dynamicSecurityName}/`;
      if (settings.has(prefix + GENERAL)) return settings;
      const first = await firstOf(section, config.data, log);
      const all = new Map(settings);
      const writes: Write[] = [];
      for (const [own, value] of settingsOf(first)) {
        all.set(prefix + own, value);
        writes.push({ type: "putSetting", name: prefix + own, value });
      }
      // The one that says that all is there comes last: what a crash cuts short begins anew.
      for (let at = 0; at < writes.length; at += store.limits.writes) {
        await store.commit(writes.slice(at, at + store.limits.writes));
      }
      return all;
    },
  };
}

async function firstOf(
  { adminUser, adminPassword, importFile }: DynamicSecurityConfig,
  data: string,
  log: Log,
): Promise<Imported["state"]> {
  if (importFile !== undefined) return imported(importFile, log);
  const password = adminPassword ?? madeUp(data, adminUser, log);
  const hash = await hashPassword(new TextEncoder().encode(password), ITERATIONS);
  log.info("dynamic security begins with one client that may manage", { user: adminUser });
  return firstState(adminUser, formatPasswordHash(hash));
}

/** A password of 144 random bits, written where only the owner of the process reads it. */
function madeUp(data: string, user: string, log: Log): string {
  const path = `${data}/${PASSWORD_FILE}`;
  const password = nodeCrypto().randomBytes(18).toString("base64url");
  const text = `${user}\n${password}\n`;
  try {
    Deno.removeSync(path); // of a start that was cut short, or of a store that is no more
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  Deno.writeTextFileSync(path, text, { createNew: true, mode: 0o600 });
  log.warn(
    "a password was made up for who may manage dynamic security: change it, delete the file",
    {
      user,
      path,
    },
  );
  return password;
}

function imported(path: string, log: Log): Imported["state"] {
  const { state, problems } = readImportFile(path);
  for (const problem of problems.slice(0, MOST_PROBLEMS)) {
    log.warn("dynamic security: left out of what is imported", { path, reason: problem });
  }
  const { clients: { size: clients }, groups: { size: groups }, roles: { size: roles } } = state;
  log.info("dynamic security begins with what was imported", { path, clients, groups, roles });
  return state;
}

/**
 * Reads a `dynamic-security.json` of Mosquitto.
 *
 * @throws an Error that names the file, where it cannot be read, is no JSON or has no client in it
 */
export function readImportFile(path: string): Imported {
  const at = `dynamicSecurity.importFile ${path}`;
  let json: unknown;
  try {
    const { size } = Deno.statSync(path);
    if (size > LARGEST_FILE) throw new Error(`${size} bytes, allowed are ${LARGEST_FILE}`);
    json = JSON.parse(Deno.readTextFileSync(path));
  } catch (error) {
    throw new Error(`${at}: ${error instanceof Error ? error.message : String(error)}`);
  }
  const found = importDynamicSecurity(json);
  if (found.state.clients.size > 0) return found;
  const why = found.problems.slice(0, MOST_PROBLEMS).join("; ");
  throw new Error(`${at}: found no client that could be imported${why && `: ${why}`}`);
}
