import type { Diagnosis } from "./diagnosis.ts";
import { anonymize } from "../internal/anonymize.ts";
import { htmlReport, markdownReport } from "../internal/report.ts";
import { badValue } from "../cli.ts";
import { renderDiagnosis } from "./_text.ts";

/** Throws unless a file has the name of a report. */
export function checkReport(file: string): void {
  if (!/\.(?:md|html?)$/i.test(file)) {
    throw badValue("--report", file, "a file name with .md or .html");
  }
}

/** Writes a diagnosis to a file, as Markdown or as HTML by its name. */
export async function writeReport(
  file: string,
  diagnosis: Diagnosis,
  anonymous: boolean,
): Promise<void> {
  const found = anonymous ? anonymize(diagnosis) : diagnosis;
  const details = {
    date: new Date(),
    program: `Portside diagnose, Deno ${Deno.version.deno}, ${Deno.build.os} ${Deno.build.arch}`,
    text: renderDiagnosis(found, { color: false, width: 100, full: true }),
  };
  const write = /\.md$/i.test(file) ? markdownReport : htmlReport;
  await Deno.writeTextFile(file, write(found, details));
}
