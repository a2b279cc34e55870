import { testCases } from "./run_cases.ts";
import { clientSubject } from "./subjects.ts";

testCases("the client", () => clientSubject());
