import { serverSuite } from "./_server_suite.ts";

serverSuite("Deno.serve", false);
serverSuite("the hardened transport", true);
