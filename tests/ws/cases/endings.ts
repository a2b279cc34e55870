/**
 * Ends of connections (RFC 6455 §7.1): what the other side does after this side has closed, or in place
 * of a closing handshake.
 *
 * @module
 */

import {
  CLOSE,
  close,
  hex,
  part,
  pattern,
  PING,
  send,
  type SentFrame,
  type Step,
  TEXT,
} from "./case.ts";

/** The code and reason with which the subject closes. */
export const SUBJECT_CLOSE = { code: 4001, reason: "bye" } as const;

/** One end. */
export interface Ending {
  /** Unique name. */
  readonly id: string;
  /** The section of the RFC that decides. */
  readonly rfc: string;
  /** Who acts first. If it is the subject, it calls `close()`. */
  readonly first: "subject" | "tester";
  /** Whether the tester acts before it reads the close frame of the subject. @default false */
  readonly crossed?: true;
  /** The frames of the tester. */
  readonly sends: readonly SentFrame[];
  /** Whether the tester ends its direction of the TCP connection. */
  readonly fin: boolean;
  /** The code in the close frame of the subject; undefined if it sends none. */
  readonly frame: number | undefined;
  /** What `closed` reports. */
  readonly code: number;
  readonly wasClean: boolean;
  /** The kind of the error that `closed` reports. */
  readonly error?: "truncated" | "closed" | "protocol";
}

const frames = (...steps: readonly Step[]) =>
  steps.flatMap((step) => "send" in step ? [step.send] : []);

/** What the tester does after the subject has closed with 4001, and whether the end is clean. */
const ANSWERS: Record<string, { sends?: readonly Step[]; code?: number }> = {
  "answers with the same code": { sends: [close(4001, "bye")], code: 4001 },
  "answers with another code": { sends: [close(1000)], code: 1000 },
  "answers without a code": { sends: [send(CLOSE)], code: 1005 },
  "sends a message before its answer": { sends: [send(TEXT, "late"), close(4001)], code: 4001 },
  "sends 100 messages before its answer": {
    sends: [...Array.from({ length: 100 }, (_, i) => send(TEXT, `${i}`)), close(4001)],
    code: 4001,
  },
  "sends a ping before its answer": { sends: [send(PING, "p"), close(4001)], code: 4001 },
  "ends a message before its answer": {
    sends: [part(TEXT, "a"), send(0, "b"), close(4001)],
    code: 4001,
  },
  "answers inside a message": { sends: [part(TEXT, "a"), close(4001)], code: 4001 },
  "answers twice": { sends: [close(4001), close(4002)], code: 4001 },
  "sends more after its answer": { sends: [close(4001), send(TEXT, "late")], code: 4001 },
  "sends 256 KiB before its answer": {
    sends: [send(2, pattern(262_144)), close(4001)],
    code: 4001,
  },
  "sends nothing": {},
  "sends only messages": { sends: [send(TEXT, "a"), send(TEXT, "b")] },
  "sends half a frame": { sends: [send(TEXT, "abc", { cut: 4 })] },
  "sends half a close frame": { sends: [send(CLOSE, hex("03e8"), { cut: 3 })] },
  "violates the protocol": { sends: [send(TEXT, "x", { rsv: 2 })] },
  "answers with an invalid code": { sends: [close(1005)] },
};

const endings: Ending[] = [];
for (const [what, { sends = [], code }] of Object.entries(ANSWERS)) {
  for (const fin of [true, false]) {
    endings.push({
      id: `the other side ${what}${fin ? ", and ends" : ""}`,
      rfc: "6455 §7.1.1",
      first: "subject",
      sends: frames(...sends),
      fin,
      frame: SUBJECT_CLOSE.code,
      code: code ?? 1006,
      wasClean: code !== undefined,
    });
  }
}
for (const code of [1000, 1001, 1011, 4002]) {
  endings.push({
    id: `both close at the same time, with ${code}`,
    rfc: "6455 §7.1.5",
    first: "subject",
    crossed: true,
    sends: frames(close(code)),
    fin: false,
    frame: SUBJECT_CLOSE.code,
    code,
    wasClean: true,
  });
}

/** What the tester sends before it ends the connection without a closing handshake. */
const CUTS: Record<string, readonly Step[]> = {
  "nothing": [],
  "a ping": [send(PING, "p")],
  "half a frame head": [send(TEXT, "x".repeat(300), { cut: 3 })],
  "half a frame": [send(TEXT, "abc", { cut: 4 })],
  "a fragment": [part(TEXT, "a")],
  "half a close frame": [send(CLOSE, hex("03e8"), { cut: 3 })],
};
for (const [what, sends] of Object.entries(CUTS)) {
  endings.push({
    id: `the other side ends after ${what}`,
    rfc: "6455 §7.1.5",
    first: "tester",
    sends: frames(...sends),
    fin: true,
    frame: undefined,
    code: 1006,
    wasClean: false,
    error: "truncated",
  });
}
for (const code of [1000, 1001, 4000]) {
  endings.push({
    id: `the other side closes with ${code}, and does not end`,
    rfc: "6455 §7.1.1",
    first: "tester",
    sends: frames(close(code)),
    fin: false,
    frame: code,
    code,
    wasClean: true,
    ...code === 4000 && { error: "closed" },
  });
}
endings.push({
  id: "the other side violates the protocol, and does not end",
  rfc: "6455 §7.1.7",
  first: "tester",
  sends: frames(send(TEXT, "x", { rsv: 2 })),
  fin: false,
  frame: 1002,
  code: 1006,
  wasClean: false,
  error: "protocol",
});

/** All ends. */
export const ENDINGS: readonly Ending[] = endings;
