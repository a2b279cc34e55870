/** The most bytes of the head of a message, unless an option says otherwise. */
export const MAX_HEAD = 32 * 1024;

/** The most fields of a message, unless an option says otherwise. */
export const MAX_FIELDS = 100;
