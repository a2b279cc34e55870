/** Default of the maximum size of a head, in bytes. */
export const MAX_HEAD = 32 * 1024;

/** Default of the maximum number of fields of a head. */
export const MAX_FIELDS = 100;
