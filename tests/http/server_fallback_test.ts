/** The hardened server on a version of Deno whose requests and responses are not as expected. */

import { useLazyRequests } from "../../http/internal/lazy_request.ts";
import { useStaticBodies } from "../../http/internal/static_response.ts";
import { serverSuite } from "./_server_suite.ts";

useLazyRequests(false);
useStaticBodies(false);
serverSuite("the hardened transport without shortcuts", { hardened: true });
