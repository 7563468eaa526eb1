/**
 * Clients known by another server, asked over HTTP: who says yes, no, or that it does not know.
 *
 * An answer counts only where it says so: an empty 2xx is yes, one with a body says `"result"` in JSON,
 * 401 and 403 are no, 404 does not know. Anything else is a failure, and nobody comes in by one.
 */

import { Reason } from "../packet/reason_code.ts";
import type { Credentials, Identity, Instant } from "../policy/identity.ts";
import { BROKER } from "../policy/identity.ts";
import { rulesInJson } from "../policy/rules_in_json.ts";
import type { Answer, Verifier } from "./chain.ts";
import { refused, UNKNOWN } from "./chain.ts";
import type { Remote, RemoteAnswer } from "./remote.ts";
import type { Values } from "./template.ts";
import { filled, valuesOf } from "./template.ts";

/** A name and its value with places in it. */
export interface Field {
  readonly name: string;
  readonly value: string;
}

export interface HttpOptions {
  readonly method: "GET" | "POST";
  /** With places, which are filled percent-encoded. */
  readonly url: string;
  readonly headers: readonly Field[];
  /** Of a POST. */
  readonly body: readonly Field[];
  readonly format: "json" | "form";
  readonly remote: Pick<Remote, "ask" | "close">;
  /** Told why it cannot be asked. */
  readonly failed: (reason: string) => void;
}

/** The verifier. */
export function httpVerifier(options: HttpOptions): Verifier {
  return {
    name: "http",
    verify(credentials: Credentials): Answer | Promise<Answer> {
      const { username, password } = credentials;
      if (username === undefined && password === undefined) return UNKNOWN;
      const values = valuesOf(credentials);
      if (values === undefined) {
        return refused(Reason.badUserNameOrPassword, "a password that is no UTF-8");
      }
      return ask(options, values);
    },
    close: () => options.remote.close(),
  };
}

async function ask(options: HttpOptions, values: Values): Promise<Answer> {
  try {
    const { url, request } = requestOf(options, values);
    let answer: Answer | undefined;
    await options.remote.ask(url, request, (response) => {
      const read = readAnswer(response, values.username);
      if (typeof read === "string") return read;
      answer = read;
      return undefined;
    });
    return answer ?? UNKNOWN;
  } catch (error) {
    // The words of an error may hold the URL, and so what the client sent: they are not for the client.
    options.failed(error instanceof Error ? error.message : String(error));
    return refused(Reason.serverUnavailable, "who it is cannot be found out for now");
  }
}

/** What is sent. Throws where a value has no place in a header. */
export function requestOf(
  { method, url, headers, body, format }: Omit<HttpOptions, "remote" | "failed">,
  values: Values,
): { readonly url: string; readonly request: RequestInit } {
  const asIs = (value: string) => value;
  const sent = new Headers();
  for (const { name, value } of headers) sent.append(name, filled(value, values, asIs));
  const address = filled(url, values, encodeURIComponent);
  if (method === "GET") return { url: address, request: { method, headers: sent } };
  const fields = body.map(({ name, value }): [string, string] => [
    name,
    filled(value, values, asIs),
  ]);
  sent.set(
    "content-type",
    format === "json" ? "application/json" : "application/x-www-form-urlencoded",
  );
  const text = format === "json"
    ? JSON.stringify(Object.fromEntries(fields))
    : new URLSearchParams(fields).toString();
  return { url: address, request: { method, headers: sent, body: text } };
}

/** What the other server says; or, in words, why that is nothing that it may say. */
export function readAnswer(
  { status, contentType, text }: RemoteAnswer,
  username: string,
): Answer | string {
  if (status === 401 || status === 403) return DENIED;
  if (status === 404) return UNKNOWN;
  if (status < 200 || status > 299) return `status ${status}`;
  if (text === "") return accepted({}, username);
  if (!/^application\/([\w.-]+\+)?json\b/i.test(contentType)) {
    return `status ${status} with a body that is no application/json`;
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return `status ${status} with a body that is no JSON`;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return `status ${status} with JSON that is no object`;
  }
  const fields = value as Readonly<Record<string, unknown>>;
  switch (fields["result"]) {
    case "allow":
      return accepted(fields, username);
    case "deny":
      return DENIED;
    case "ignore":
      return UNKNOWN;
    default:
      return `status ${status} with JSON whose "result" is not allow, deny or ignore`;
  }
}

const DENIED = refused(Reason.notAuthorized, "refused by the authentication server");

function accepted(fields: Readonly<Record<string, unknown>>, username: string): Answer | string {
  const { user = username, roles = [], acl, expiresAt } = fields;
  if (typeof user !== "string" || user === "" || user === BROKER.user || user.length > 1_024) {
    return 'an answer whose "user" is no user name';
  }
  if (!isRoles(roles)) return 'an answer whose "roles" are no list of at most 100 names';
  if (expiresAt !== undefined && (typeof expiresAt !== "number" || !(expiresAt > 0))) {
    return 'an answer whose "expiresAt" is no number of seconds since 1970';
  }
  // A fault of one client's rules is no reason not to ask about others.
  const rules = acl === undefined || acl === null ? undefined : rulesInJson(acl, '"acl"');
  if (typeof rules === "string") {
    return refused(
      Reason.notAuthorized,
      `the authentication server's answer is not good: ${rules}`,
    );
  }
  const identity: Identity = { user, roles, ...(rules === undefined ? {} : { rules }) };
  const until: Instant | undefined = expiresAt === undefined ? undefined : expiresAt * 1000;
  return { type: "accepted", identity, ...(until === undefined ? {} : { expiresAt: until }) };
}

/** Role names from outside: not too many, not too long, and not the broker's own. */
export function isRoles(value: unknown): value is string[] {
  return Array.isArray(value) && value.length <= 100 &&
    value.every((role) =>
      typeof role === "string" && role !== "" && role.length <= 64 && !role.startsWith("$")
    );
}
