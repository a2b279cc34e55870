import { parseDigits } from "../../net/text.ts";
import { COUNT_SENT } from "../internal/sent_bytes.ts";
import type { ServerTracing } from "../internal/server_tracing.ts";
import type { HandlerInfo } from "./_handler_info.ts";

/** Runs the handler of a request in the context of its span, which ends with the response. */
export function traced(
  tracing: ServerTracing,
  { method, url, headers }: Request,
  info: HandlerInfo,
  work: () => Response | Promise<Response>,
): Response | Promise<Response> {
  const served = tracing.begin({ method, url: new URL(url), headers });
  const sent = info[COUNT_SENT]();
  let status: number | undefined;
  const over = () => {
    served.end({
      status,
      error: info.gone?.name,
      received: parseDigits(headers.get("content-length") ?? "0"),
      sent: sent(),
    });
  };
  void info.completed.then(over, over);
  const answered = (response: Response) => {
    status = response.status;
    return response;
  };
  const answer = tracing.within(served, work);
  return answer instanceof Response ? answered(answer) : answer.then(answered);
}
