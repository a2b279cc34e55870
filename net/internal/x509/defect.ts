/**
 * The reason why a certificate or a chain is refused.
 *
 * The messages have the words of rustls, so that an error is classified and described in the same way
 * whichever engine has found it.
 */
export type DefectName = keyof typeof PHRASES;

/** The words of rustls for each defect, and how specific it is. The most specific one is reported. */
const PHRASES = {
  Expired: ["certificate expired", 290],
  NotValidYet: ["certificate not valid yet", 290],
  NotValidForName: ["certificate not valid for name", 280],
  BadSignature: ["BadSignature", 260],
  SignatureAlgorithmMismatch: ["Other(OtherError(SignatureAlgorithmMismatch))", 250],
  InvalidPurpose: ["certificate does not allow extended key usage", 240],
  NameConstraintViolation: ["Other(OtherError(NameConstraintViolation))", 230],
  PathLenConstraintViolated: ["Other(OtherError(PathLenConstraintViolated))", 220],
  CaUsedAsEndEntity: ["Other(OtherError(CaUsedAsEndEntity))", 210],
  EndEntityUsedAsCa: ["Other(OtherError(EndEntityUsedAsCa))", 210],
  InvalidCertValidity: ["certificate expired", 190],
  UnsupportedSignatureAlgorithm: ["UnsupportedSignatureAlgorithm", 140],
  UnsupportedCriticalExtension: ["Other(OtherError(UnsupportedCriticalExtension))", 130],
  UnsupportedCertVersion: ["Other(OtherError(UnsupportedCertVersion))", 130],
  TooDeep: ["Other(OtherError(MaximumPathDepthExceeded))", 61],
  BadEncoding: ["BadEncoding", 10],
  UnknownIssuer: ["UnknownIssuer", 0],
} as const satisfies Record<string, readonly [string, number]>;

/** A defect of a certificate or a chain. */
export class Defect extends Error {
  /** The name of the class. */
  override readonly name = "Defect";
  /** The defect. */
  readonly defect: DefectName;

  /**
   * Creates an error.
   *
   * @param detail The text that follows the words for the defect.
   */
  constructor(defect: DefectName, detail = "") {
    super(`invalid peer certificate: ${PHRASES[defect][0]}${detail}`);
    this.defect = defect;
  }

  /** Returns the more specific one of two defects, or this one if both are equally specific. */
  or(other: Defect): Defect {
    return PHRASES[other.defect][1] > PHRASES[this.defect][1] ? other : this;
  }
}

/** Returns a caught error if it is a defect, and throws it again otherwise. */
export function asDefect(error: unknown): Defect {
  if (error instanceof Defect) return error;
  throw error;
}
