/**
 * Clients that are here and may not be any more: those whom new rules of access do not let connect, and those
 * whom a ban hits. Their sessions stay, their Wills are published where the rules permit that.
 * MQTT 5.0 sections 4.13 and 5.4.2.
 */

import { farewellCode } from "../connection/on_auth.ts";
import { isConnected } from "../connection/stage.ts";
import { Reason } from "../packet/reason_code.ts";
import type { BanKind } from "../policy/bans.ts";
import { placeOf } from "../policy/peer_host.ts";
import { permits } from "../policy/permits.ts";
import { turnAway } from "./admit.ts";
import { closeLive, dropLink } from "./close.ts";
import type { Live, Tables } from "./tables.ts";

/** Rules that are gone through in one turn, about: many clients under many rules would take seconds. */
const RULES_A_TURN = 1_000_000;

/**
 * After a change of rules: asks about everyone who was let in before, from now on. What is subscribed stays,
 * since every message is asked about.
 */
export function turnOutDenied(tables: Tables): void {
  tables.turningOut = tables.connections.values();
  turnOutOn(tables);
}

/** Goes on with that, for a turn. */
export function turnOutOn(tables: Tables): void {
  let left = Math.ceil(RULES_A_TURN / (1 + tables.rules.access.rules.length));
  for (; left > 0 && tables.turningOut !== undefined; left--) {
    const live = tables.turningOut.next(); // goes on behind what is removed, and meets what is added
    if (live.done === true) tables.turningOut = undefined;
    else turnOutIfDenied(tables, live.value);
  }
}

function turnOutIfDenied(tables: Tables, live: Live): void {
  const { stage, identity, clientId } = live.connection;
  if (!isConnected(stage) && stage !== "loading") return;
  const { permitted, rule } = permits(tables.rules, identity, "connect", "");
  if (permitted) return;
  const reasonCode = Reason.notAuthorized;
  tables.out.push({
    type: "observe",
    fact: { type: "refused", clientId, action: "connect", topic: "", reasonCode, detail: rule },
  });
  const told = "the client may not connect";
  if (isConnected(stage)) closeLive(tables, live, "refused", reasonCode, rule, told);
  else turnAway(tables, live, reasonCode, rule, "refused", told);
}

/**
 * After a ban: ends every connection that it hits, as far as it is known whose it is. DISCONNECT has no code for
 * it, section 3.14.2.1: a client learns of the ban by CONNACK, when it comes again.
 *
 * @param value as `Bans` keeps it
 */
export function turnOutBanned(tables: Tables, kind: BanKind, value: string): void {
  const detail = "it is banned for a time";
  for (const live of [...tables.connections.values()]) {
    if (!isHit(live, kind, value)) continue;
    const { stage } = live.connection;
    if (isConnected(stage)) {
      closeLive(tables, live, "kicked", farewellCode(Reason.banned), detail);
    } else if (stage === "awaitingConnect") {
      dropLink(tables, live, "kicked", Reason.banned, detail);
    } else turnAway(tables, live, Reason.banned, detail, "kicked");
  }
}

function isHit({ connection }: Live, kind: BanKind, value: string): boolean {
  switch (kind) {
    case "clientId":
      return connection.clientId === value;
    case "user":
      return connection.identity.user === value;
    case "address": {
      const { address } = connection.peer;
      // Of IPv4 at a glance: there may be many to look at.
      return address.startsWith("[") ? placeOf(address) === value : address.startsWith(`${value}:`);
    }
  }
}
