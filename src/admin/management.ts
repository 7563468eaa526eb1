/**
 * The commands of management over HTTP: `POST /api/v1/{command}` with the JSON object that a request below
 * `$CONTROL/dunlin/v1` has, answered with the same reply. POST alone, as a command that only reads today
 * may be asked with a body too, and as no cache and no link may ask for anything.
 *
 * Who does not prove who he is learns nothing, not even which commands there are. What may be asked by whom
 * is decided where requests over MQTT are; here is only HTTP. No page of another origin is served: there are
 * no CORS headers, and a request that names another origin is refused.
 */

import type { Context } from "hono";
import { Reason } from "../packet/reason_code.ts";
import type { Credentials, Identity, Verdict } from "../policy/identity.ts";
import { hostOf } from "../policy/ip_address.ts";
import { HTTP_PREFIX } from "../service/management/open_api.ts";
import { MANAGEMENT_PREFIX } from "../service/management/management_service.ts";
import { refusalStatus } from "../service/management/refusal_status.ts";
import type { Request as ControlRequest } from "../service/service.ts";
import type { AdminEnvironment, Part } from "./app.ts";
import { offeredIn } from "./authorization.ts";

/** What requests over HTTP have in the place of the name of a listener: of no listener, see the configuration. */
const HTTP_LISTENER = "admin";

export interface ManagementOptions {
  /** Whose the credentials are; slow where they are wrong. */
  readonly authenticate: (credentials: Credentials) => Verdict | Promise<Verdict>;
  /** Where a token stands in CONNECT, and so in the credentials. */
  readonly bearerIn: () => "username" | "password";
  /** What is asked; undefined while the broker starts. */
  readonly control: () => HttpControl | undefined;
  /** The OpenAPI document as JSON. */
  readonly document: () => string;
}

/** The services of the broker as HTTP sees them. */
export interface HttpControl {
  /** Whether the identity may come in at all: what would let it connect. */
  admits(identity: Identity): boolean;
  /** `done` takes the reply when what it speaks of is durable. */
  ask(request: ControlRequest, done: (reply: unknown) => void): void;
}

type Asked = Context<AdminEnvironment>;

/** Who asks, or the answer to whoever may not. */
type Proven = { readonly identity: Identity } | { readonly response: Response };

/** The routes below `/api`. */
export function management(options: ManagementOptions): Part {
  return (app) => {
    app.all("/api/*", async (context) => {
      const who = await proven(options, context);
      if ("response" in who) return who.response;
      const { path, method } = context.req;
      if (path === `${HTTP_PREFIX}/openapi.json`) {
        if (method !== "GET" && method !== "HEAD") return methodIs(context, "GET");
        return answered(context, 200, options.document());
      }
      const command = path.slice(HTTP_PREFIX.length + 1);
      // What has another form is no command, and may be no Topic Name.
      if (!path.startsWith(`${HTTP_PREFIX}/`) || !/^[a-z-]{1,64}(\/[a-z-]{1,64})?$/.test(command)) {
        return refused(context, 404, "unknownCommand", "there is no such command");
      }
      if (method !== "POST") return methodIs(context, "POST");
      return await ask(options, context, who.identity, command);
    });
  };
}

/** Who asks, proven and let in by the rules of access. */
async function proven(
  { authenticate, bearerIn, control }: ManagementOptions,
  context: Asked,
): Promise<Proven> {
  const origin = context.req.header("origin");
  if (origin !== undefined && !isOwn(origin, context.req.header("host"))) {
    const detail = "the request comes from a page of another origin";
    return { response: refused(context, 403, "notPermitted", detail) };
  }
  const offered = offeredIn(context.req.header("authorization"), bearerIn());
  if (offered === undefined) return { response: unproven(context) };
  const { address } = context.env;
  let verdict: Verdict;
  try {
    verdict = await authenticate({
      ...offered,
      clientId: "",
      authenticationMethod: undefined,
      authenticationData: undefined,
      protocolVersion: 5,
      peer: { address, listener: HTTP_LISTENER, anonymousAllowed: false },
    });
  } catch {
    return { response: notNow(context) };
  }
  if (verdict.type === "refused" && PASSING.has(verdict.reason)) {
    return { response: notNow(context) };
  }
  if (verdict.type !== "accepted") return { response: unproven(context) };
  const running = control();
  if (running === undefined) return { response: notNow(context) };
  const { user, roles, rules } = verdict.identity;
  // There is no client: a rule that is about client identifiers is not about it.
  const identity: Identity = {
    user,
    roles,
    address: hostOf(address) ?? address,
    listener: HTTP_LISTENER,
    ...(rules === undefined ? {} : { rules }),
  };
  if (running.admits(identity)) return { identity };
  return { response: refused(context, 403, "notPermitted", "the user may not connect") };
}

/** It is not known whether the credentials are good. */
const PASSING: ReadonlySet<number> = new Set([Reason.serverUnavailable, Reason.serverBusy]);

async function ask(
  { control }: ManagementOptions,
  context: Asked,
  identity: Identity,
  command: string,
): Promise<Response> {
  const payload = new Uint8Array(await context.req.arrayBuffer());
  const type = context.req.header("content-type") ?? "";
  // A page of another origin can send other types without being asked whether it may.
  if (payload.length > 0 && !/^application\/json\s*(;|$)/i.test(type)) {
    const detail = `the body is said to be ${JSON.stringify(type)}, expected application/json`;
    return refused(context, 415, "badRequest", detail);
  }
  const running = control();
  if (running === undefined) return notNow(context);
  const reply = await new Promise((resolve) =>
    running.ask({
      topic: `${MANAGEMENT_PREFIX}/${command}`,
      payload,
      identity,
      clientId: "",
      address: context.env.address,
      listener: HTTP_LISTENER,
      via: "http",
      sender: undefined,
    }, resolve)
  );
  const { ok, error } = reply as {
    readonly ok: boolean;
    readonly error?: { readonly reason: keyof typeof refusalStatus };
  };
  const status = ok ? 200 : refusalStatus[error!.reason] ?? 500;
  return answered(context, status, JSON.stringify(reply));
}

/** Whether a page of that origin came from here. */
function isOwn(origin: string, host: string | undefined): boolean {
  return host !== undefined && (origin === `http://${host}` || origin === `https://${host}`);
}

/** The one answer to whoever does not prove who he is, whatever the cause. RFC 9110 section 15.5.2. */
function unproven(context: Asked): Response {
  const response = refused(
    context,
    401,
    "notAuthenticated",
    "expected a user name and a password, or a token, that are good",
  );
  response.headers.append("www-authenticate", 'Basic realm="dunlin", charset="UTF-8"');
  response.headers.append("www-authenticate", 'Bearer realm="dunlin"');
  return response;
}

function notNow(context: Asked): Response {
  const response = refused(context, 503, "unavailable", "it cannot be asked now: try again");
  response.headers.set("retry-after", "1");
  return response;
}

function methodIs(context: Asked, method: "GET" | "POST"): Response {
  const response = refused(context, 405, "badRequest", `expected the method ${method}`);
  response.headers.set("allow", method);
  return response;
}

function refused(context: Asked, status: number, reason: string, detail: string): Response {
  return answered(context, status, JSON.stringify({ ok: false, error: { reason, detail } }));
}

/** JSON that nobody may keep. */
function answered(context: Asked, status: number, body: string): Response {
  const response = context.body(body, status as 200, {
    "content-type": "application/json",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  });
  if (status === 429) response.headers.set("retry-after", "1");
  return response;
}
