/** SASLprep (RFC 4013, a profile of RFC 3454): makes equal names and passwords compare equal. Pure. */

/** Table C.1.2: blanks, which become a space. */
const BLANKS = /[\u00A0\u1680\u2000-\u200B\u202F\u205F\u3000]/g;
/** Table B.1 without the blanks: characters that are removed. */
const NOTHING = /[\u00AD\u034F\u1806\u180B-\u180D\u200C\u200D\u2060\uFE00-\uFE0F\uFEFF]/g;

/** Tables C.2 to C.9: prohibited characters, as far as they survive NFKC. */
const PROHIBITED =
  /[\p{Cc}\p{Co}\p{Cs}\p{Noncharacter_Code_Point}\u06DD\u070F\u180E\u200C-\u200F\u2028-\u202E\u2060-\u2063\u206A-\u206F\u2FF0-\u2FFB\uFEFF\uFFF9-\uFFFD\u0340\u0341\u{1D173}-\u{1D17A}\u{E0001}\u{E0020}-\u{E007F}]/u;

/** Table D.1: characters that are written from right to left. */
const RIGHT_TO_LEFT =
  /[\u05BE\u05C0\u05C3\u05D0-\u05EA\u05F0-\u05F4\u061B\u061F\u0621-\u063A\u0640-\u064A\u066D-\u066F\u0671-\u06D5\u06DD\u06E5\u06E6\u06FA-\u06FE\u0700-\u070D\u0710\u0712-\u072C\u0780-\u07A5\u07B1\u200F\uFB1D\uFB1F-\uFB28\uFB2A-\uFB36\uFB38-\uFB3C\uFB3E\uFB40\uFB41\uFB43\uFB44\uFB46-\uFBB1\uFBD3-\uFD3D\uFD50-\uFD8F\uFD92-\uFDC7\uFDF0-\uFDFC\uFE70-\uFE74\uFE76-\uFEFC]/u;

/**
 * Table D.2: characters that are written from left to right, as far as they survive NFKC. These are
 * letters, and the digits and signs of scripts that run in this direction.
 */
const LEFT_TO_RIGHT =
  /(?![\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\u0640\u02B9\u02BA\u02C6-\u02CF\u02EC\u1734\u2132\u302E\u302F])[\p{L}\p{Mc}\p{Nl}\u0482\u055A-\u0589\u0964-\u0970\u09E6-\u09EF\u09F4-\u09FA\u0A66-\u0A6F\u0AE6-\u0AEF\u0B66-\u0B70\u0BE7-\u0BF2\u0C66-\u0C6F\u0CE6-\u0CEF\u0D66-\u0D6F\u0DF4\u0E4F-\u0E5B\u0ED0-\u0F17\u0F1A-\u0F34\u0F36\u0F38\u0F85\u0FBE-\u0FC5\u0FC7-\u0FCF\u1040-\u104F\u10FB-\u166E\u16EB-\u16ED\u1735\u1736\u17B4\u17B5\u17D4-\u17DA\u17E0-\u17E9\u1810-\u1886\u2336-\u237A\u2395\u3190-\u327F\u{10320}-\u{1D15D}\u{1D16A}-\u{1D16C}\u{1D183}\u{1D184}\u{1D18C}-\u{1D1A9}\u{1D1AE}-\u{1D1DD}]/u;

/**
 * Prepares a name or a password. Characters that are newer than Unicode 3.2 pass, as in a query
 * (RFC 3454 §7), so that passwords may use them.
 *
 * @param what The name of the value, for the error. The value may be a secret and is not shown.
 * @param text The name or password to prepare.
 * @throws {TypeError} If it contains a prohibited character, or mixes writing directions.
 */
export function saslPrepare(what: string, text: string): string {
  const prepared = text.replace(BLANKS, " ").replace(NOTHING, "").normalize("NFKC");
  if (PROHIBITED.test(prepared)) {
    throw new TypeError(`${what} must not contain a character that RFC 4013 prohibits`);
  }
  if (RIGHT_TO_LEFT.test(prepared)) {
    const ends = [[...prepared].at(0)!, [...prepared].at(-1)!];
    if (LEFT_TO_RIGHT.test(prepared) || !ends.every((end) => RIGHT_TO_LEFT.test(end))) {
      throw new TypeError(`${what} must not mix writing directions (RFC 4013)`);
    }
  }
  return prepared;
}
