import { testCases } from "./run_cases.ts";
import { serverSubject } from "./subjects.ts";

testCases("a server on Deno's transport", () => serverSubject(false));
