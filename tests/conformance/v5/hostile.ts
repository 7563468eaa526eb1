/** Rows for MQTT 5.0 section 4.13: the table of hostile input. */

import type { Row } from "../harness.ts";
import { hostileRows } from "../hostile/rows.ts";

export const hostile5: readonly Row[] = hostileRows("5.0");
