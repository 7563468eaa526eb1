/**
 * Clients known by a signed token that they send as password or user name. RFC 7519, RFC 8725.
 *
 * What looks like no token is left to the next of the chain; what looks like one is taken or refused. The
 * identity is good for as long as the token is.
 */

import type { JWTPayload } from "jose";
import { jwtVerify } from "jose";
import { Reason } from "../packet/reason_code.ts";
import type { Credentials, Instant } from "../policy/identity.ts";
import { BROKER } from "../policy/identity.ts";
import { rulesInJson } from "../policy/rules_in_json.ts";
import type { Answer, Verifier } from "./chain.ts";
import { refused, UNKNOWN } from "./chain.ts";
import { isRoles } from "./http.ts";
import type { JwtKeys } from "./jwt_keys.ts";
import { KEYS_UNAVAILABLE } from "./jwt_keys.ts";
import { isPlainObject } from "./plain_object.ts";

export interface JwtOptions {
  readonly keys: JwtKeys;
  /** What a token may be signed with. */
  readonly algorithms: readonly string[];
  /** One of them has to be the token's; empty: it is not looked at. */
  readonly issuers: readonly string[];
  readonly audiences: readonly string[];
  /** Milliseconds that the clocks may differ. */
  readonly tolerance: number;
  /** A token without `exp` is refused. */
  readonly requireExpiry: boolean;
  /** Where the token stands. */
  readonly from: "password" | "username";
  /** Claims, as names or as paths with dots: `sub`, `realm_access.roles`. */
  readonly userClaim: string;
  readonly rolesClaim: string | undefined;
  /** Where rules of access for this client alone may stand. */
  readonly accessClaim: string;
  /** Has to be the client id; undefined: it may be any. */
  readonly clientIdClaim: string | undefined;
  readonly now: () => Instant;
}

/** Characters of the longest token. */
const LONGEST_TOKEN = 16_384;

/** The verifier. */
export function jwtVerifier(options: JwtOptions): Verifier {
  return {
    name: "jwt",
    verify(credentials: Credentials): Answer | Promise<Answer> {
      const token = tokenOf(credentials, options.from);
      if (token === undefined) return UNKNOWN;
      return verify(options, token, credentials.clientId);
    },
    close: () => options.keys.close?.(),
  };
}

async function verify(options: JwtOptions, token: string, clientId: string): Promise<Answer> {
  const { keys, algorithms, issuers, audiences, tolerance, requireExpiry, now } = options;
  if (token.length > LONGEST_TOKEN) return bad(`more than ${LONGEST_TOKEN} characters`);
  let payload: JWTPayload;
  try {
    const verified = await jwtVerify(token, (header, parts) => keys.keyFor(header, parts), {
      algorithms: [...algorithms],
      ...(issuers.length > 0 ? { issuer: [...issuers] } : {}),
      ...(audiences.length > 0 ? { audience: [...audiences] } : {}),
      clockTolerance: tolerance / 1000,
      currentDate: new Date(now()),
      requiredClaims: requireExpiry ? ["exp"] : [],
    });
    payload = verified.payload;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return message === KEYS_UNAVAILABLE
      ? refused(Reason.serverUnavailable, "the keys that tokens are checked with cannot be got")
      : bad(message);
  }
  return answerOf(options, payload, clientId);
}

/** What the claims of a token that is genuine come to. */
function answerOf(options: JwtOptions, payload: JWTPayload, clientId: string): Answer {
  const { userClaim, rolesClaim, accessClaim, clientIdClaim, tolerance } = options;
  const user = claimAt(payload, userClaim);
  if (typeof user !== "string" || user === "" || user === BROKER.user || user.length > 1_024) {
    return bad(`its claim ${userClaim} is no user name`);
  }
  if (clientIdClaim !== undefined && claimAt(payload, clientIdClaim) !== clientId) {
    return bad(`its claim ${clientIdClaim} is not the client id`);
  }
  const roles = rolesClaim === undefined ? [] : rolesOf(claimAt(payload, rolesClaim));
  if (roles === undefined) return bad(`its claim ${rolesClaim} has no role names`);
  const access = claimAt(payload, accessClaim);
  const rules = access === undefined || access === null
    ? undefined
    : rulesInJson(access, `claim ${accessClaim}`);
  if (typeof rules === "string") return bad(`its ${rules}`);
  const { exp } = payload;
  return {
    type: "accepted",
    identity: { user, roles, ...(rules === undefined ? {} : { rules }) },
    ...(exp === undefined ? {} : { expiresAt: exp * 1000 + tolerance }),
  };
}

function bad(why: string): Answer {
  return refused(Reason.badUserNameOrPassword, `its token is not good: ${why}`);
}

/** A list, or names with blanks between them as in the claim `scope`; undefined where it is neither. */
function rolesOf(claim: unknown): readonly string[] | undefined {
  if (claim === undefined || claim === null) return [];
  const roles = typeof claim === "string" ? claim.split(" ").filter((role) => role !== "") : claim;
  return isRoles(roles) ? roles : undefined;
}

/** A claim by its whole name, as some are URLs, or else by a path. */
function claimAt(payload: JWTPayload, path: string): unknown {
  if (Object.hasOwn(payload, path)) return payload[path];
  let here: unknown = payload;
  for (const name of path.split(".")) {
    if (!isPlainObject(here) || !Object.hasOwn(here, name)) return undefined;
    here = here[name];
  }
  return here;
}

/** What the client sent, where it looks like a token: three parts, of which the first names `alg`. */
function tokenOf(
  { username, password }: Credentials,
  from: JwtOptions["from"],
): string | undefined {
  const text = from === "username" ? username : textOf(password);
  if (text === undefined || !/^[\w-]+\.[\w-]+\.[\w-]*$/.test(text)) return undefined;
  try {
    const header = atob(text.slice(0, text.indexOf(".")).replace(/-/g, "+").replace(/_/g, "/"));
    const value: unknown = JSON.parse(header);
    return isPlainObject(value) && Object.hasOwn(value, "alg") ? text : undefined;
  } catch {
    return undefined;
  }
}

function textOf(password: Uint8Array | undefined): string | undefined {
  if (password === undefined) return undefined;
  try {
    return UTF8.decode(password);
  } catch {
    return undefined;
  }
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
