/**
 * The rules about the text of documentation.
 *
 * @module
 */

/** Fewest words in the text of `@param` and `@returns`. */
const TAG_WORDS = 4;

/** Words with a final `s` that are not verbs. A description that begins with one is a label. */
const NOT_VERBS = new Set(
  `Address Addresses Always As Authorities Besides Bodies Buffers Bytes Callers Certificates Chunks
  Class Clients Codes Codings Commands Connections Counters Datagrams Directories Entries Errors
  Events Extensions Failures Faults Fields Flags Functions Groups Handlers Headers His Hops Hosts Is
  Items Its Kinds Less Letters Lines Members Messages Methods Metrics Milliseconds Numbers Options
  Others Pairs Parameters Parsers Parts Passwords Paths Peers Perhaps Pieces Plus Ports Process
  Protocols Recipients Responses Results Rooms Rows Rules Seconds Sections Servers Settings Sometimes
  Status Statuses Tables Texts This Threads Thus Times Trailers Types Us Users Values Was Words
  Workers Yes`.split(/\s+/),
);

/** Words that mark the word before them as a noun: "Limits of a peer", "Requests that failed". */
const AFTER_NOUNS = new Set(["of", "that", "which", "are"]);

/** First words of an unclear description. */
const RIDDLES = new Set(
  `What Who Whom Whose Which How Whether When Where Why So And But Or If Nothing None Never Not`
    .split(" "),
);

/** A property that is true or false may well say "Whether …". */
const PROPERTY_RIDDLES = RIDDLES.difference(new Set(["Whether"]));

type Member = Deno.lint.ClassBody["body"][number] | Deno.lint.TSInterfaceBody["body"][number];

/** Rejects `@param` and `@returns` with a text that is too short to be useful. */
export const docTag: Deno.lint.Rule = {
  create(context) {
    return {
      Program() {
        const text = context.sourceCode.text;
        for (const doc of text.matchAll(/\/\*\*[\s\S]*?\*\//g)) {
          for (
            const tag of doc[0].matchAll(/^[ *\/]*@(param|returns)\b([\s\S]*?)(?=^[ *]*@|\*\/)/gm)
          ) {
            const [whole, name = "", rest = ""] = tag;
            const subject = name === "param" ? /^\s*\S+/.exec(plainText(rest))?.[0].trim() : "";
            const words = wordsOf(plainText(rest)).slice(name === "param" ? 1 : 0);
            if (words.length >= TAG_WORDS) continue;
            const start = doc.index + tag.index + whole.indexOf("@");
            context.report({
              range: [start, start + whole.trimEnd().length - whole.indexOf("@")],
              message: `@${name}${subject && ` ${subject}`} has fewer than ${TAG_WORDS} words: ` +
                `"${words.join(" ")}"`,
              hint: "Say what the value means: its unit, its limits, its default",
            });
          }
        }
      },
    };
  },
};

/** Rejects descriptions of exported symbols that do not begin like a sentence. */
export const docSentence: Deno.lint.Rule = {
  create(context) {
    const checkFunction = (node: Deno.lint.Node, name: string) => {
      const [word, next = ""] = firstWords(context, node);
      if (word === undefined || isVerb(word, next)) return;
      context.report({
        node,
        message: `The description of ${name} must begin with a verb in the third person: ${word}`,
        hint: 'Write "Returns …", "Starts …", "Waits until …"',
      });
    };
    const checkThing = (node: Deno.lint.Node, name: string, riddles = RIDDLES) => {
      const [word] = firstWords(context, node);
      if (word === undefined || !riddles.has(word)) return;
      context.report({
        node,
        message: `The description of ${name} must not begin with: ${word}`,
        hint: 'Write "A …", "The …", "Maximum …", or a sentence in the third person',
      });
    };
    const checkMembers = (members: readonly Member[]) => {
      for (const member of members) {
        switch (member.type) {
          case "MethodDefinition":
          case "TSAbstractMethodDefinition":
          case "TSMethodSignature": {
            if (isPrivate(member)) break;
            const name = nameOf(context, member.key);
            if (/^[gs]et$/.test(member.kind)) checkThing(member, name, PROPERTY_RIDDLES);
            else checkFunction(member, name);
            break;
          }
          case "PropertyDefinition":
          case "TSAbstractPropertyDefinition":
          case "TSPropertySignature":
            if (!isPrivate(member)) {
              checkThing(member, nameOf(context, member.key), PROPERTY_RIDDLES);
            }
            break;
        }
      }
    };
    const check = (
      outer: Deno.lint.ExportNamedDeclaration | Deno.lint.ExportDefaultDeclaration,
    ) => {
      const node = outer.declaration;
      switch (node?.type) {
        case "FunctionDeclaration":
        case "TSDeclareFunction":
          checkFunction(outer, node.id?.name ?? "the default function");
          break;
        case "ClassDeclaration":
          checkThing(outer, node.id?.name ?? "the default class");
          checkMembers(node.body.body);
          break;
        case "TSInterfaceDeclaration":
          checkThing(outer, nameOf(context, node.id));
          checkMembers(node.body.body);
          break;
        case "TSTypeAliasDeclaration":
          checkThing(outer, node.id.name);
          if (node.typeAnnotation.type === "TSTypeLiteral") {
            checkMembers(node.typeAnnotation.members);
          }
          break;
        case "VariableDeclaration":
          checkThing(outer, node.declarations.map(({ id }) => nameOf(context, id)).join(", "));
          break;
        case "TSEnumDeclaration":
          checkThing(outer, node.id.name);
          break;
      }
    };
    return { ExportNamedDeclaration: check, ExportDefaultDeclaration: check };
  },
};

/** Returns the first two words of the documentation of a node; fewer if there are fewer. */
function firstWords(context: Deno.lint.RuleContext, node: Deno.lint.Node): string[] {
  const before = context.sourceCode.text.slice(0, node.range[0]).trimEnd();
  if (!before.endsWith("*/")) return [];
  const start = before.lastIndexOf("/*");
  // A comment with @module describes the file.
  if (!before.startsWith("/**", start) || /^[ *\/]*@module\b/m.test(before.slice(start))) return [];
  return wordsOf(/^[^@]*/.exec(plainText(before.slice(start + 3, -2)))![0]).slice(0, 2);
}

/** Returns whether a word has the form of a verb in the third person, such as "Returns". */
function isVerb(word: string, next: string): boolean {
  return /^[A-Z][a-z]+s$/.test(word) && !NOT_VERBS.has(word) && !AFTER_NOUNS.has(next);
}

/** Returns whether a member of a class is hidden from its users. */
function isPrivate(member: { key: Deno.lint.Node; accessibility?: string }): boolean {
  return member.key.type === "PrivateIdentifier" || member.accessibility === "private";
}

/** Returns the source of the name of a declaration, without its type. */
function nameOf(context: Deno.lint.RuleContext, id: Deno.lint.Node): string {
  return id.type === "Identifier" ? id.name : context.sourceCode.getText(id);
}

/** Returns the text of a comment without the asterisks that begin its lines. */
function plainText(comment: string): string {
  return comment.replace(/^\s*\* ?/gm, "").replace(/\*\/\s*$/, "").trim();
}

/** Returns the words of a text. Code in backticks is one word; dashes alone are none. */
function wordsOf(text: string): string[] {
  return (text.replace(/`[^`]*`/g, (code) => code.replace(/\s+/g, "_")).match(/\S+/g) ?? [])
    .filter((word) => /[\p{L}\p{N}`]/u.test(word))
    .map((word) => word.replace(/[,.:;]+$/, ""));
}
