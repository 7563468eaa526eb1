/**
 * The part of the configuration that says who may come in, as an Authenticator.
 */

import type { Authenticator } from "../authentication/authenticator.ts";
import { anonymousOnly, withMethods } from "../authentication/authenticator.ts";
import { withCertificates } from "../authentication/certificate.ts";
import { chainOf } from "../authentication/chain.ts";
import type { Method } from "../authentication/method.ts";
import { scramSha256 } from "../authentication/scram_sha_256.ts";
import { commonShape, secretOf, standIns } from "../authentication/scram_stand_in.ts";
import { defaultLimits } from "../policy/limits.ts";
import type { Config } from "./config.ts";
import { usersOf } from "./config_authentication.ts";
import { formatProblem } from "./config_problem.ts";
import type { Outside } from "./config_substitute.ts";
import { readUsers } from "./config_users.ts";
import { getLog } from "./log.ts";
import type { Surroundings } from "./verifiers_of.ts";
import { verifiersOf } from "./verifiers_of.ts";

type Section = Pick<Config, "authentication">;

/**
 * The authenticator of a configuration: that of its section `authentication`, and those of the listeners
 * that have one of their own. Whoever asks for it closes it.
 *
 * @param more enhanced authentication methods besides those of the configuration
 * @throws an Error with every problem of a file that it names on a line of its own
 */
export function authenticatorOf(
  config: Section & Partial<Pick<Config, "listeners">>,
  readFile: Outside["readFile"],
  more: readonly Method[],
  given: Omit<Surroundings, "files"> = ALONE,
): Authenticator {
  const surroundings: Surroundings = { ...given, files: new Map() };
  const byListener = new Map<string, Authenticator>();
  const all: Authenticator[] = [];
  const close = () => {
    for (const one of all) one.close?.();
  };
  const open = (section: Section) => {
    const one = ofSection(section, readFile, more, surroundings);
    all.push(one);
    return one;
  };
  try {
    const usual = open(config);
    for (const { name, authentication } of config.listeners ?? []) {
      if (authentication !== undefined) byListener.set(name, open({ authentication }));
    }
    if (byListener.size === 0) return usual;
    const of = (listener: string) => byListener.get(listener) ?? usual;
    return {
      verify: (credentials) => of(credentials.peer.listener).verify(credentials),
      begin: (credentials) => of(credentials.peer.listener).begin?.(credentials),
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

/** Limits and clock where nobody says others. */
const ALONE: Omit<Surroundings, "files"> = {
  limits: defaultLimits,
  now: () => performance.timeOrigin + performance.now(),
  log: getLog("authentication"),
};

function ofSection(
  section: Section,
  readFile: Outside["readFile"],
  more: readonly Method[],
  surroundings: Surroundings,
): Authenticator {
  const methods = [...scramOf(section, readFile), ...more];
  const verifiers = [
    ...(surroundings.first ?? []),
    ...verifiersOf(section.authentication, surroundings),
  ];
  return withMethods(withCertificates(chainOf(verifiers, anonymousOnly)), methods);
}

function scramOf(section: Section, readFile: Outside["readFile"]): readonly Method[] {
  const { scram } = section.authentication;
  if (scram === undefined) return [];
  const { entries, problems } = readUsers(section, readFile);
  if (problems.length > 0) {
    throw new Error(problems.map((problem) => formatProblem(problem, scram.file)).join("\n"));
  }
  const users = usersOf(entries);
  const secret = scram.secret === undefined
    ? secretOf(users.values())
    : new TextEncoder().encode(scram.secret);
  const standIn = standIns(secret, commonShape(users.values()));
  return [scramSha256({ users, standIn })];
}
