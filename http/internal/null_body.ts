/** Statuses of responses that have no body (Fetch §2.2.3). */
export const NULL_BODY: ReadonlySet<number> = new Set([101, 204, 205, 304]);
