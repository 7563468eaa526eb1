/**
 * The rules between keys of a section `authentication`: of the broker's, and of those of listeners.
 */

import { secretAlgorithms } from "../authentication/jwt_keys.ts";
import { unknownPlace } from "../authentication/template.ts";
import { entryFaults } from "./config_authentication.ts";
import type { Breach } from "./config_rules.ts";

type Fields = Readonly<Record<string, unknown>>;

/** All broken rules of the sections of a file. */
export function brokenAuthentication(
  file: Fields,
  isWrong: (path: string) => boolean,
): Breach[] {
  const listeners = Array.isArray(file["listeners"]) ? file["listeners"].map(fieldsOf) : [];
  return [
    ...brokenSection("authentication", file["authentication"], isWrong),
    ...listeners.flatMap((listener, at) =>
      brokenSection(`listeners[${at}].authentication`, listener["authentication"], isWrong)
    ),
  ];
}

/** Whether a section says how anybody could be known. */
export function knowsSomebody(section: unknown): boolean {
  return ["scram", "passwordFile", "jwt", "http"].some((key) =>
    fieldsOf(section)[key] !== undefined
  );
}

function brokenSection(
  place: string,
  section: unknown,
  isWrong: (path: string) => boolean,
): Breach[] {
  if (section === undefined || isWrong(place)) return [];
  const { scram, jwt, http, order } = fieldsOf(section);
  return [
    ...(scram === undefined ? [] : brokenScram(`${place}.scram`, scram, isWrong)),
    ...(jwt === undefined ? [] : brokenJwt(`${place}.jwt`, fieldsOf(jwt), isWrong)),
    ...(http === undefined ? [] : brokenHttp(`${place}.http`, fieldsOf(http), isWrong)),
    ...brokenOrder(`${place}.order`, order, fieldsOf(section)),
  ];
}

/** The users of SCRAM stand in one place, and each of them once. */
function brokenScram(
  path: string,
  written: unknown,
  isWrong: (path: string) => boolean,
): Breach[] {
  if (isWrong(path)) return [];
  const { file: name, users } = fieldsOf(written);
  if ((name === undefined) === (users === undefined)) {
    const found = name === undefined ? "neither file nor users" : "both file and users";
    return [{
      path,
      found,
      expected: "the users, or the file that they stand in",
      severity: "error",
    }];
  }
  const entries = Array.isArray(users) ? users.map(fieldsOf) : [];
  return entryFaults(entries).flatMap(({ at, key, found, expected }): Breach[] => {
    const where = `${path}.users[${at}].${key}`;
    return isWrong(where) ? [] : [{ path: where, found, expected, severity: "error" }];
  });
}

const keyNames = ["secret", "publicKeyFile", "jwksFile", "jwksUrl"];

/** One source of keys, and algorithms that go with it: a public key is no secret. */
function brokenJwt(path: string, jwt: Fields, isWrong: (path: string) => boolean): Breach[] {
  if (isWrong(path)) return [];
  const keys = keyNames.filter((key) => jwt[key] !== undefined);
  if (keys.length !== 1) {
    const found = keys.length === 0 ? "none of them" : keys.join(" and ");
    const expected = `one of ${keyNames.join(", ")}`;
    return [{ path, found, expected, severity: "error" }];
  }
  const { algorithms } = jwt;
  if (!Array.isArray(algorithms)) return [];
  const isSecret = keys[0] === "secret";
  return algorithms.flatMap((algorithm: unknown, at): Breach[] => {
    const where = `${path}.algorithms[${at}]`;
    const ofSecrets = secretAlgorithms.some((known) => known === algorithm);
    if (ofSecrets === isSecret || isWrong(where)) return [];
    const expected = isSecret
      ? `an algorithm of a secret: ${secretAlgorithms.join(", ")}`
      : `an algorithm of public keys, as the key is in ${keys[0]}`;
    return [{ path: where, found: JSON.stringify(algorithm), expected, severity: "error" }];
  });
}

/** Places in templates are known, and none can change whom the question goes to. */
function brokenHttp(path: string, http: Fields, isWrong: (path: string) => boolean): Breach[] {
  const texts: [string, unknown][] = [[`${path}.url`, http["url"]]];
  for (const key of ["headers", "body"]) {
    const fields = Array.isArray(http[key]) ? http[key].map(fieldsOf) : [];
    for (const [at, { value }] of fields.entries()) {
      texts.push([`${path}.${key}[${at}].value`, value]);
    }
  }
  return texts.flatMap(([where, text]): Breach[] => {
    const found = typeof text === "string" && !isWrong(where) ? unknownPlace(text) : undefined;
    if (found === undefined) return [];
    const expected = "${username}, ${password}, ${clientid}, ${address} or ${listener}";
    return [{ path: where, found: `\${${found}}`, expected, severity: "error" }];
  });
}

/** An order that leaves out what is configured is most likely a mistake. */
function brokenOrder(path: string, order: unknown, section: Fields): Breach[] {
  if (!Array.isArray(order)) return [];
  return ["passwordFile", "jwt", "http"]
    .filter((key) => section[key] !== undefined && !order.includes(key))
    .map((key) => ({
      path,
      found: `a list without ${key}, which is configured`,
      expected: `${JSON.stringify(key)} in it, or it is never asked`,
      severity: "warning",
    }));
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? value as Fields
    : {};
}
