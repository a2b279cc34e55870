import { serverSuite } from "./_suite.ts";

serverSuite("Deno.serve", false);
serverSuite("the hardened transport", true);
