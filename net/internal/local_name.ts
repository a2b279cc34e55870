/** The names of files that this computer cannot store. */

/** The characters that Windows refuses in names. */
const REFUSED = /[<>:"|?*]/;

/** The names of devices, with and without an extension. */
const DEVICE = /^(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])[ .]*(?:\..*)?$/i;

/** Returns whether a name means a device on Windows, whatever its extension is. */
export function isDeviceName(name: string): boolean {
  return DEVICE.test(name);
}

/**
 * Returns why no file of a name can be made here; undefined if one can.
 *
 * @param name The name from a server, without slashes and control characters.
 * @param os The operating system, as in `Deno.build.os`.
 */
export function nameProblem(name: string, os: string = Deno.build.os): string | undefined {
  if (os !== "windows") return undefined;
  if (REFUSED.test(name)) return 'Windows refuses names with < > : " | ? *';
  if (DEVICE.test(name)) return "Windows keeps this name for a device";
  return /[. ]$/.test(name) ? "Windows drops a dot or a blank at the end of a name" : undefined;
}

/** The characters that are always mapped: those that Windows refuses, and the sign of the mapping. */
const MAPPED = /[<>:"|?*%\udc80-\udcff]/gu;

const PERCENT = /%([0-9A-F]{2})/g;

/**
 * Returns a name that every computer can store, with percent-encoding in place of what some cannot. Two
 * names never become the same, and {@linkcode unmapName} returns the name again.
 *
 * @param name The name from a server, without slashes and control characters. A lone surrogate from U+DC80
 * to U+DCFF is a byte that is no part of a character.
 */
export function mapName(name: string): string {
  const mapped = name.replaceAll(MAPPED, percent);
  const fit = DEVICE.test(mapped) ? percent(mapped) + mapped.slice(1) : mapped;
  return fit.replace(/[. ]$/, percent);
}

/**
 * Returns the name that {@linkcode mapName} has mapped; the name itself if it comes from elsewhere, or if
 * the other one would be a directory.
 */
export function unmapName(name: string): string {
  const plain = name.replaceAll(PERCENT, (_, digits) => {
    const code = parseInt(digits, 16);
    return String.fromCharCode(code < 0x80 ? code : 0xdc00 + code);
  });
  return mapName(plain) === name && plain !== "." && plain !== ".." ? plain : name;
}

/** Returns the first character of a text in percent-encoding. */
function percent(text: string): string {
  const byte = text.charCodeAt(0) & 0xff;
  return `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}
