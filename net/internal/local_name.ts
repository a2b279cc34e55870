/** The names of files that this computer cannot store. */

/** The characters that Windows refuses in names. */
const REFUSED = /[<>:"|?*]/;

/** The names of devices, with and without an extension. */
const DEVICE = /^(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])[ .]*(?:\..*)?$/i;

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
