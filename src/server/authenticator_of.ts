/**
 * The part of the configuration that says who may come in, as an Authenticator.
 */

import type { Authenticator } from "../authentication/authenticator.ts";
import { anonymousOnly, withMethods } from "../authentication/authenticator.ts";
import type { Method } from "../authentication/method.ts";
import { scramSha256 } from "../authentication/scram_sha_256.ts";
import { commonShape, secretOf, standIns } from "../authentication/scram_stand_in.ts";
import type { Config } from "./config.ts";
import { usersOf } from "./config_authentication.ts";
import { formatProblem } from "./config_problem.ts";
import type { Outside } from "./config_substitute.ts";
import { readUsers } from "./config_users.ts";

/**
 * The authenticator of a configuration.
 *
 * @param more enhanced authentication methods besides those of the configuration
 * @throws an Error with every problem of the file of users on a line of its own
 */
export function authenticatorOf(
  config: Pick<Config, "authentication">,
  readFile: Outside["readFile"],
  more: readonly Method[],
): Authenticator {
  const { scram } = config.authentication;
  if (scram === undefined) return withMethods(anonymousOnly, more);
  const { entries, problems } = readUsers(config, readFile);
  if (problems.length > 0) {
    throw new Error(problems.map((problem) => formatProblem(problem, scram.file)).join("\n"));
  }
  const users = usersOf(entries);
  const secret = scram.secret === undefined
    ? secretOf(users.values())
    : new TextEncoder().encode(scram.secret);
  const standIn = standIns(secret, commonShape(users.values()));
  return withMethods(anonymousOnly, [scramSha256({ users, standIn }), ...more]);
}
