/** WebSocket frames as a client writes them, wrong ones included. */

export interface Frame {
  readonly opcode: number;
  readonly payload?: Uint8Array | string;
  readonly final?: boolean;
  readonly reserved?: number;
  /** Four bytes; `none` leaves the mask out. */
  readonly mask?: readonly number[] | "none";
  /** How the length is written: the shortest way unless told otherwise. */
  readonly form?: "short" | "two" | "eight";
  /** What the header says, where that is not what follows. */
  readonly length?: bigint;
}

/** The bytes of a frame. */
export function frameBytes(frame: Frame): Uint8Array {
  const { opcode, final = true, reserved = 0, mask = [0x37, 0xfa, 0x21, 0x3d] } = frame;
  const payload = typeof frame.payload === "string"
    ? new TextEncoder().encode(frame.payload)
    : frame.payload ?? new Uint8Array(0);
  const length = frame.length ?? BigInt(payload.length);
  const form = frame.form ?? (length < 126n ? "short" : length < 65_536n ? "two" : "eight");
  const masked = mask === "none" ? 0 : 0x80;
  const bytes = [(final ? 0x80 : 0) | reserved << 4 | opcode];
  if (form === "short") bytes.push(masked | Number(length));
  else {
    const size = form === "two" ? 2 : 8;
    bytes.push(masked | (form === "two" ? 126 : 127));
    for (let at = size - 1; at >= 0; at--) bytes.push(Number((length >> BigInt(at * 8)) & 255n));
  }
  const header = Uint8Array.of(...bytes, ...(mask === "none" ? [] : mask));
  const all = new Uint8Array(header.length + payload.length);
  all.set(header);
  all.set(payload, header.length);
  if (mask === "none") return all;
  payload.forEach((byte, at) => all[header.length + at] = byte ^ mask[at % 4]!);
  return all;
}
