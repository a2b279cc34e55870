/** Writes a diagnosis as a document. It does no I/O. */

import type { DiagnoseStatus, Diagnosis } from "../diagnose/diagnosis.ts";
import { showTime } from "./text.ts";

/** The content of a report besides the diagnosis. */
export interface ReportDetails {
  /** The time of the diagnosis. */
  readonly date: Date;
  /** The version of this program, of Deno, and of the system. */
  readonly program: string;
  /** The complete diagnosis as text. */
  readonly text: string;
}

const SIGNS: Readonly<Record<DiagnoseStatus, string>> = {
  ok: "✓ ok",
  warning: "! warning",
  failed: "✗ failed",
  skipped: "- skipped",
};

/** Returns a report in Markdown. */
export function markdownReport(found: Diagnosis, { date, program, text }: ReportDetails): string {
  const { target, ok, verdict, advice, steps } = found;
  const cell = (value: string) => markdownText(value).replaceAll("|", "\\|");
  return [
    `# Diagnosis of ${markdownText(target.url)}`,
    "",
    `${ok ? "✓" : "✗"} **${markdownText(verdict)}**`,
    ...(advice === undefined ? [] : ["", markdownText(advice)]),
    "",
    "| Step | Result | Time | Details |",
    "| ---- | ------ | ---: | ------- |",
    ...steps.map(({ step, status, time, text, advice }) => {
      const more = advice === undefined || status === "ok" ? "" : ` → ${cell(advice)}`;
      return `| ${step} | ${SIGNS[status]} | ${showTime(time)} | ${cell(text)}${more} |`;
    }),
    "",
    // A fence that is longer than any in the text.
    "````text",
    text.replaceAll("````", "'''").trimEnd(),
    "````",
    "",
    `${markdownText(program)}, ${date.toISOString()}`,
    "",
  ].join("\n");
}

/** Escapes the characters that begin formatting, HTML or links. */
function markdownText(text: string): string {
  return text.replace(/[\\`*_[\]<>&#!~]/g, "\\$&").replace(/\s+/g, " ");
}

/** Returns a report as one HTML page without scripts and without links. */
export function htmlReport(found: Diagnosis, { date, program, text }: ReportDetails): string {
  const { target, ok, verdict, advice, steps } = found;
  const rows = steps.map(({ step, status, time, text, advice }) => {
    const more = advice === undefined || status === "ok" ? "" : `<br>→ ${htmlText(advice)}`;
    return `<tr class="${status}"><td>${step}</td><td>${SIGNS[status]}</td>` +
      `<td class="time">${showTime(time)}</td><td>${htmlText(text)}${more}</td></tr>`;
  });
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>Diagnosis of ${htmlText(target.url)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>Diagnosis of ${htmlText(target.url)}</h1>
<p class="${ok ? "ok" : "failed"}"><strong>${ok ? "✓" : "✗"} ${htmlText(verdict)}</strong></p>
${advice === undefined ? "" : `<p>${htmlText(advice)}</p>\n`}<table>
<thead><tr><th>Step</th><th>Result</th><th>Time</th><th>Details</th></tr></thead>
<tbody>
${rows.join("\n")}
</tbody>
</table>
<pre>${htmlText(text.trimEnd())}</pre>
<footer>${htmlText(program)}, <time>${date.toISOString()}</time></footer>
</body>
</html>
`;
}

const STYLE =
  ":root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;max-width:60rem;" +
  "margin:2rem auto;padding:0 1rem}table{border-collapse:collapse;width:100%}th,td{text-align:left;" +
  "vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid #8888;overflow-wrap:anywhere}" +
  "td:nth-child(-n+3){white-space:nowrap}.time{text-align:right}.ok strong,.ok td:nth-child(2){" +
  "color:#187a33}.failed strong,.failed td:nth-child(2){color:#c4232f}.warning td:nth-child(2){" +
  "color:#96690b}pre{overflow-x:auto;padding:1rem;border:1px solid #8888}footer{opacity:.7}";

function htmlText(text: string): string {
  return text.replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);
}
