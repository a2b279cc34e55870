/** The names that an authority may certify (RFC 5280 §4.2.1.10). */

import { type Certificate, sameBytes } from "./certificate.ts";
import { Defect } from "./defect.ts";
import { DerReader, malformed } from "./der.ts";
import {
  DIRECTORY,
  DNS,
  type GeneralName,
  generalName,
  generalNames,
  IP,
  isPresentable,
} from "./names.ts";

/** Every certificate has a subject, which constraints for directory names apply to. */
const SUBJECT: GeneralName = { kind: DIRECTORY, body: new Uint8Array() };

/** Maximum number of comparisons for one chain. A malicious chain could cause very many. */
const BUDGET = 250_000;

/** Checks the names of the certificates below an authority against its constraints. */
export function checkNameConstraints(
  constraints: Uint8Array | undefined,
  below: readonly Certificate[],
): void {
  if (constraints === undefined) return;
  const reader = new DerReader(constraints);
  const permitted = subtrees(reader.takeIf(0xa0)?.body);
  const excluded = subtrees(reader.takeIf(0xa1)?.body);
  reader.end();
  let left = BUDGET;
  for (const { extensions } of below) {
    for (const name of [...generalNames(extensions), SUBJECT]) {
      left -= permitted.length + excluded.length;
      if (left < 0) throw new Defect("NameConstraintViolation");
      checkName(name, permitted, excluded);
    }
  }
}

function subtrees(bytes: Uint8Array | undefined): GeneralName[] {
  const found: GeneralName[] = [];
  const reader = new DerReader(bytes);
  while (!reader.done) {
    const tree = new DerReader(reader.take(0x30).body);
    found.push(generalName(tree));
    // The minimum and the maximum must not be there.
    tree.end();
  }
  return found;
}

/** If there are permitted subtrees of the kind of a name, one of them must contain the name. */
function checkName(
  name: GeneralName,
  permitted: readonly GeneralName[],
  excluded: readonly GeneralName[],
): void {
  const isSameKind = ({ kind }: GeneralName) => kind === name.kind;
  const allowed = permitted.filter(isSameKind);
  const isAllowed = allowed.map((base) => contains(base.body, name, true)).includes(true);
  const isForbidden = excluded.filter(isSameKind).map((base) => contains(base.body, name, false));
  if ((allowed.length > 0 && !isAllowed) || isForbidden.includes(true)) {
    throw new Defect("NameConstraintViolation");
  }
}

/** Names of other kinds are not compared: they are outside of what is permitted, and excluded. */
function contains(base: Uint8Array, { kind, body }: GeneralName, permits: boolean): boolean {
  if (kind === DNS) return containsHost(ascii(base), ascii(body), permits);
  if (kind === IP) return containsAddress(base, body);
  return !permits;
}

/**
 * Returns whether a host name is in a subtree. All names of a permitted wildcard must be in it, and
 * some names of an excluded one: those of `*.test` include `a.test`, which may be the base.
 */
function containsHost(base: string, name: string, permits: boolean): boolean {
  if (!isPresentable(name)) throw malformed();
  if (base === "") return true;
  if (!isPresentable(base.replace(/^\./, "")) || base.startsWith("*")) throw malformed();
  const suffix = base.startsWith(".") ? base : `.${base}`;
  if (name === base || name.endsWith(suffix)) return true;
  return !permits && name.startsWith("*.") && /^[^.]+(\..+)$/.exec(base)?.[1] === name.slice(1);
}

/** A subtree of addresses is an address and a mask of the same length. */
function containsAddress(base: Uint8Array, address: Uint8Array): boolean {
  const { length } = address;
  if ((length !== 4 && length !== 16) || (base.length !== 8 && base.length !== 32)) {
    throw malformed();
  }
  if (base.length !== 2 * length) return false;
  const mask = base.subarray(length);
  const bits = Array.from(mask, (byte) => byte.toString(2).padStart(8, "0")).join("");
  if (/01/.test(bits)) throw malformed();
  return sameBytes(
    base.subarray(0, length).map((byte, i) => byte & mask[i]!),
    address.map((byte, i) => byte & mask[i]!),
  );
}

function ascii(bytes: Uint8Array): string {
  return latin1.decode(bytes).toLowerCase();
}

const latin1 = new TextDecoder("latin1");
