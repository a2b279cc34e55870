/**
 * The project rules that a machine can check, as a plugin of `deno lint`.
 *
 * | Rule | Requirement |
 * |---|---|
 * | `portside/import-direction` | `net` ← `http` ← `ws` ← `tools` ← `examples` ← `tests`, never the other way |
 * | `portside/private-import` | `a/_name.ts` is imported from the folder `a`, the folders in it, and the module `a.ts` beside it |
 * | `portside/import-cycle` | no file imports itself, directly or through others; imports of types count |
 * | `portside/pure-codec` | `codec.ts` and `*_codec.ts` convert bytes to values and back: no I/O, clock or randomness |
 * | `portside/exported-function` | an exported function is a `function` declaration, not an arrow function |
 * | `portside/example-length` | an example has at most 80 lines below its introduction |
 * | `portside/checked-options` | the copy that `OptionRules.check()` returns is used |
 * | `portside/doc-tag` | `@param` and `@returns` have at least four words |
 * | `portside/doc-sentence` | exported functions and methods are described by "Returns …", "Starts …"; nothing by "What …", "Who …", "How …" |
 *
 * @module
 */

import { docSentence, docTag } from "./_documentation.ts";
import { importCycle } from "./_import_cycle.ts";
import { baseName, folder, isRoot, onImport, pathInRepo, resolve, topFolder } from "./_imports.ts";

/** The folders from the lowest to the highest. A folder may import itself and the folders before it. */
const FLOORS = ["net", "http", "ws", "tools", "examples", "tests"];

const EXAMPLE_LINES = 80;

const importDirection: Deno.lint.Rule = {
  create(context) {
    const file = pathInRepo(context.filename);
    const from = file === undefined ? -1 : FLOORS.indexOf(topFolder(file));
    if (file === undefined || from === -1) return {};
    return onImport((specifier, node) => {
      const target = resolve(specifier, file);
      if (target === undefined) return;
      const to = FLOORS.indexOf(topFolder(target));
      if (to > from) {
        context.report({
          node,
          message: `${FLOORS[from]} must not import ${FLOORS[to]}: ${specifier}`,
          hint: `It may import only ${FLOORS.slice(0, from + 1).join(", ")}`,
        });
      } else if (isRoot(target) && from < FLOORS.indexOf("examples")) {
        context.report({
          node,
          message: `${FLOORS[from]} must not import the root module, which imports it`,
          hint: "Import the module that defines the symbol",
        });
      }
    });
  },
};

const privateImport: Deno.lint.Rule = {
  create(context) {
    const file = pathInRepo(context.filename);
    if (file === undefined) return {};
    return onImport((specifier, node) => {
      const target = resolve(specifier, file);
      if (target === undefined || !baseName(target).startsWith("_")) return;
      if (!file.startsWith(`${folder(target)}/`) && file !== `${folder(target)}.ts`) {
        context.report({
          node,
          message: `${baseName(target)} is private to ${folder(target) || "the root"}/`,
          hint: "Import the public module that uses it, or make it public",
        });
      }
    });
  },
};

/** Globals that a pure codec must not use, and the reason. */
const IMPURE = new Map([
  ...["Deno", "fetch", "WebSocket", "Worker", "console", "localStorage", "sessionStorage", "caches"]
    .map((name) => [name, "I/O"] as const),
  ...["performance", "setTimeout", "setInterval", "queueMicrotask"]
    .map((name) => [name, "the clock"] as const),
  ["crypto", "randomness"],
]);

/** Impure members of otherwise pure globals. */
const IMPURE_MEMBERS = new Map([
  ["Math.random", "randomness"],
  ["Date.now", "the clock"],
  ["Temporal.Now", "the clock"],
]);

const pureCodec: Deno.lint.Rule = {
  create(context) {
    if (!/[/_]codec\.ts$/.test(context.filename)) return {};
    const report = (node: Deno.lint.Node, what: string, why: string) =>
      context.report({
        node,
        message: `A codec must not use ${what}: ${why} belongs to the client or server beside it`,
        hint: "Take the value as a parameter",
      });
    const reportNow = (node: Deno.lint.NewExpression | Deno.lint.CallExpression) => {
      // `new Date(text)` is a conversion. `new Date()` and `Date(…)` read the clock.
      if (node.callee.type !== "Identifier" || node.callee.name !== "Date") return;
      if (node.type === "CallExpression" || node.arguments.length === 0) {
        report(node, "the current Date", "the clock");
      }
    };
    return {
      Identifier(node) {
        const why = IMPURE.get(node.name);
        if (why !== undefined && !isOnlyAName(node)) report(node, node.name, why);
      },
      MemberExpression(node) {
        if (node.object.type !== "Identifier" || node.property.type !== "Identifier") return;
        const name = `${node.object.name}.${node.property.name}`;
        const why = IMPURE_MEMBERS.get(name);
        if (why !== undefined) report(node, name, why);
      },
      NewExpression: reportNow,
      CallExpression: reportNow,
      ...onImport((specifier, node) => {
        if (/^node:(?!buffer$|util$)/.test(specifier)) report(node, specifier, "I/O");
      }),
    };
  },
};

const exportedFunction: Deno.lint.Rule = {
  create(context) {
    return {
      "ExportNamedDeclaration > VariableDeclaration > VariableDeclarator"(
        node: Deno.lint.VariableDeclarator,
      ) {
        const type = node.init?.type;
        if (type !== "ArrowFunctionExpression" && type !== "FunctionExpression") return;
        const name = node.id.type === "Identifier" ? node.id.name : "it";
        context.report({
          node,
          message: `An exported function must be declared with the function keyword: ${name}`,
          hint: `Write: export function ${name}(…) { … }`,
        });
      },
    };
  },
};

const exampleLength: Deno.lint.Rule = {
  create(context) {
    const file = pathInRepo(context.filename);
    if (file === undefined || !/^examples\/[^/]+\.ts$/.test(file)) return {};
    return {
      Program(node) {
        const introduction = /^(#!.*\n)?(\s*\/\*\*[\s\S]*?\*\/\n)?/.exec(context.sourceCode.text);
        const code = context.sourceCode.text.slice(introduction?.[0].length ?? 0).trim();
        const lines = code.split("\n").length;
        if (lines > EXAMPLE_LINES) {
          context.report({
            node,
            message:
              `An example has at most ${EXAMPLE_LINES} lines below its introduction: ${lines}`,
            hint: "Show one idea; move reusable code to a module",
          });
        }
      },
    };
  },
};

const checkedOptions: Deno.lint.Rule = {
  create(context) {
    // Tests also check options for the errors alone.
    const floor = FLOORS.indexOf(topFolder(pathInRepo(context.filename) ?? ""));
    if (floor === -1 || floor >= FLOORS.indexOf("tests")) return {};
    return {
      CallExpression(node) {
        const { callee, parent } = node;
        if (parent.type !== "ExpressionStatement" || callee.type !== "MemberExpression") return;
        const { object, property } = callee;
        if (object.type !== "Identifier" || !/^[A-Z][A-Z\d_]*$/.test(object.name)) return;
        if (property.type !== "Identifier" || !/^check(Given)?$/.test(property.name)) return;
        context.report({
          node,
          message: `The result of ${object.name}.${property.name}() must be used`,
          hint:
            "Write: options = RULES.check(name, options). The options may inherit what a spread " +
            "would lose, or change after the check",
        });
      },
    };
  },
};

const plugin: Deno.lint.Plugin = {
  name: "portside",
  rules: {
    "import-direction": importDirection,
    "private-import": privateImport,
    "import-cycle": importCycle,
    "pure-codec": pureCodec,
    "exported-function": exportedFunction,
    "example-length": exampleLength,
    "checked-options": checkedOptions,
    "doc-tag": outsideTests(docTag),
    "doc-sentence": outsideTests(docSentence),
  },
};

export default plugin;

/** Returns a rule that ignores the tests. */
function outsideTests(rule: Deno.lint.Rule): Deno.lint.Rule {
  return {
    create: (context) =>
      topFolder(pathInRepo(context.filename) ?? "") === "tests" ? {} : rule.create(context),
  };
}

/** Returns whether an identifier only names a member, as in `options.fetch` and `{ fetch: … }`. */
function isOnlyAName(node: Deno.lint.Identifier): boolean {
  const parent: Deno.lint.Node = node.parent;
  switch (parent.type) {
    case "MemberExpression":
      return parent.property === node && !parent.computed;
    case "Property":
      return parent.key === node && !parent.computed;
    case "MethodDefinition":
    case "PropertyDefinition":
    case "TSPropertySignature":
    case "TSMethodSignature":
      return parent.key === node && !parent.computed;
    default:
      return false;
  }
}
