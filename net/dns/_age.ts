import type { DnsMessage } from "./codec.ts";
import type { DnsRecord } from "./record_types.ts";

/** Returns a message whose TTLs are reduced by the time that it has spent in a cache. */
export function ageMessage<T extends DnsMessage>(message: T, seconds: number): T {
  if (seconds === 0) return message;
  const older = (records: readonly DnsRecord[]) =>
    records.map((record) => ({ ...record, ttl: Math.max(record.ttl - seconds, 0) }));
  const { answers, authorities, additionals } = message;
  return {
    ...message,
    answers: older(answers),
    authorities: older(authorities),
    additionals: older(additionals),
  };
}
