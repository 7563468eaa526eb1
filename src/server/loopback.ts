/**
 * Which addresses only this machine can reach, and which addresses collide when listened on.
 *
 * Judged by the text alone: it must not resolve names.
 */

/** True for 127.0.0.0/8, ::1 (and its longer spellings), IPv4-mapped loopback and localhost. */
export function isLoopback(address: string): boolean {
  const plain = canonical(address);
  return plain === "localhost" || plain === "::1" || /^127(\.\d{1,3}){3}$/.test(plain);
}

/** True for a listener that proxies may hand connections on to: who is behind them may be anywhere. */
export function behindProxies(
  listener: {
    readonly type?: unknown;
    readonly proxyProtocol?: unknown;
    readonly trustedProxies?: unknown;
  },
): boolean {
  const { proxyProtocol, trustedProxies } = listener;
  return proxyProtocol !== undefined && proxyProtocol !== false ||
    Array.isArray(trustedProxies) && trustedProxies.length > 0;
}

/** True when two TCP listeners on these addresses cannot have the same port. */
export function addressesCollide(left: string, right: string): boolean {
  const a = canonical(left), b = canonical(right);
  if (a === b || a === "::" || b === "::") return true;
  if (a === "0.0.0.0") return !b.includes(":");
  if (b === "0.0.0.0") return !a.includes(":");
  return (a === "localhost" && isLoopback(b)) || (b === "localhost" && isLoopback(a));
}

function canonical(address: string): string {
  const plain = address.toLowerCase().replace(/^\[(.*)\]$/, "$1").replace(/^::ffff:(?=\d+\.)/, "");
  if (/^[0:]*:0*1$/.test(plain)) return "::1";
  return /^[0:]*:[0:]*$/.test(plain) ? "::" : plain;
}
