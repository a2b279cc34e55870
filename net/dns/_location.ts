/** The format of geographical places (RFC 1876). */

import { optionError } from "../internal/options.ts";
import type { Format } from "./_fields.ts";
import { type DnsReader, malformed } from "./_name.ts";
import type { DnsLocationData } from "./record_types.ts";

/** The number that means the equator and the prime meridian. One unit is a thousandth of a second. */
const ORIGIN = 2 ** 31;
const UNITS_PER_DEGREE = 3_600_000;
/** Altitudes start 100 km below the ellipsoid, in centimetres. */
const LOWEST = 10_000_000;

/** Reads a length in metres: a digit and an exponent of ten, in centimetres. */
function readLength(reader: DnsReader): number {
  const byte = reader.uint8();
  const [digit, exponent] = [byte >> 4, byte & 15];
  if (digit > 9 || exponent > 9) throw malformed("a length of a record LOC is malformed");
  return digit * 10 ** exponent / 100;
}

function lengthByte(name: string, metres: number): number {
  const centimetres = Math.round(metres * 100);
  const exponent = centimetres > 0 ? Math.min(Math.floor(Math.log10(centimetres)), 9) : 0;
  const digit = Math.round(centimetres / 10 ** exponent);
  // 9.6 would become 10.
  if (digit === 10 && exponent < 9) return 1 << 4 | exponent + 1;
  if (!(digit >= 0 && digit <= 9)) {
    throw optionError(name, "a length from 0 to 90000000 metres", metres);
  }
  return digit << 4 | exponent;
}

function unitsOf(name: string, degrees: number, most: number): number {
  if (!(Math.abs(degrees) <= most)) {
    throw optionError(name, `a number of degrees from -${most} to ${most}`, degrees);
  }
  return Math.round(degrees * UNITS_PER_DEGREE) + ORIGIN;
}

function showDegrees(degrees: number, [positive, negative]: readonly [string, string]): string {
  const units = Math.round(Math.abs(degrees) * UNITS_PER_DEGREE);
  const minutes = Math.floor(units / 60_000);
  const seconds = (units % 60_000 / 1000).toFixed(3);
  return `${Math.floor(minutes / 60)} ${minutes % 60} ${seconds} ${
    degrees < 0 ? negative : positive
  }`;
}

function showLength(metres: number): string {
  return `${metres < 1 ? metres.toFixed(2) : metres}m`;
}

export const LOC: Format<DnsLocationData> = {
  read(reader) {
    if (reader.uint8() !== 0) throw malformed("a record LOC has an unknown version");
    const size = readLength(reader);
    const horizontalPrecision = readLength(reader);
    const verticalPrecision = readLength(reader);
    const latitude = (reader.uint32() - ORIGIN) / UNITS_PER_DEGREE;
    const longitude = (reader.uint32() - ORIGIN) / UNITS_PER_DEGREE;
    const altitude = (reader.uint32() - LOWEST) / 100;
    return { latitude, longitude, altitude, size, horizontalPrecision, verticalPrecision };
  },
  write(data, writer) {
    writer.uint8(0);
    for (const name of ["size", "horizontalPrecision", "verticalPrecision"] as const) {
      writer.uint8(lengthByte(name, data[name]));
    }
    writer.uint32(unitsOf("latitude", data.latitude, 90));
    writer.uint32(unitsOf("longitude", data.longitude, 180));
    const altitude = Math.round(data.altitude * 100) + LOWEST;
    if (!(altitude >= 0 && altitude < 2 ** 32)) {
      throw optionError("altitude", "a height from -100000 to 42849672.95 metres", data.altitude);
    }
    writer.uint32(altitude);
  },
  text: (data) =>
    [
      showDegrees(data.latitude, ["N", "S"]),
      showDegrees(data.longitude, ["E", "W"]),
      `${data.altitude.toFixed(2)}m`,
      showLength(data.size),
      showLength(data.horizontalPrecision),
      showLength(data.verticalPrecision),
    ].join(" "),
};
