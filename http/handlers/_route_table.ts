/** The table of the routes of a router, and the search for a path in it. */

import type { RouteHandler, RouteParamTypes } from "./_route_params.ts";

/** The target of a method of a path. */
export interface RouteTarget {
  readonly handler: RouteHandler<never>;
  /** The parameters, in the order of the path. */
  readonly params: readonly Param[];
}

/** A parameter of a path. */
export interface Param {
  readonly name: string;
  readonly type: keyof RouteParamTypes | undefined;
}

/** A path of the table: its targets by method. "" stands for any method. */
export type RouteLeaf = Map<string, RouteTarget>;

/** The routes that continue a part of a path. */
export interface Branch {
  readonly fixed: Map<string, Branch>;
  /** Parameters. Those with a type precede the others. */
  readonly params: { readonly type: Param["type"]; readonly branch: Branch }[];
  leaf: RouteLeaf | undefined;
  rest: RouteLeaf | undefined;
}

/** The syntax of each type of parameter. */
const TYPES: Readonly<Record<keyof RouteParamTypes, RegExp>> = {
  int: /^-?\d{1,15}$/,
  uuid: /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i,
};

const METHOD = /^[A-Z][A-Z0-9_-]*$/;
/**
 * A `.` or `..` between separators. A segment may contain an encoded slash or backslash, so a decoded
 * parameter could lead upwards although no segment of the path does.
 */
const CLIMBS = /(?:^|[/\\])\.\.?(?:[/\\]|$)/;

/** Returns the decoded segments. Undefined if one cannot be decoded, leads upwards, or has a NUL. */
export function splitPath(path: string): string[] | undefined {
  const segments = path.slice(1).split("/");
  if (path.includes("%")) {
    for (let i = 0; i < segments.length; i++) {
      try {
        segments[i] = decodeURIComponent(segments[i]!);
      } catch {
        return undefined;
      }
    }
  }
  for (const segment of segments) {
    if (CLIMBS.test(segment) || segment.includes("\0")) return undefined;
  }
  return segments;
}

/** The state of one search for a path. */
export interface RouteSearch {
  readonly segments: readonly string[];
  readonly method: string;
  /** The values of the parameters so far. */
  readonly values: string[];
  /** Matching paths without the method. */
  readonly leaves: RouteLeaf[];
}

/** Finds the most exact path with the method: fixed segments, then parameters, then `*`. */
export function findRoute(
  branch: Branch,
  at: number,
  search: RouteSearch,
): RouteTarget | undefined {
  const { segments, values } = search;
  if (at === segments.length) return take(branch.leaf, search);
  const segment = segments[at]!;
  const fixed = branch.fixed.get(segment);
  let target = fixed && findRoute(fixed, at + 1, search);
  if (target !== undefined) return target;
  const depth = values.length;
  for (const { type, branch: next } of branch.params) {
    if (segment === "" || (type !== undefined && !TYPES[type].test(segment))) continue;
    values.push(segment);
    target = findRoute(next, at + 1, search);
    if (target !== undefined) return target;
    values.length = depth;
  }
  if (branch.rest === undefined) return undefined;
  values.push(segments.slice(at).join("/"));
  target = take(branch.rest, search);
  if (target === undefined) values.length = depth;
  return target;
}

function take(leaf: RouteLeaf | undefined, search: RouteSearch): RouteTarget | undefined {
  const target = targetOf(leaf, search.method);
  if (target === undefined && leaf !== undefined) search.leaves.push(leaf);
  return target;
}

/** The routes of a router. */
export class RouteTable {
  readonly root: Branch = sprout();
  /** The paths without parameters. */
  readonly exact = new Map<string, RouteLeaf>();
  /** The methods of all paths. */
  readonly methods = new Set<string>();

  add(pattern: string, prefix: string, handler: RouteHandler<never>): void {
    const [method, path] = pattern.startsWith("/") ? ["", pattern] : pattern.split(" ", 2);
    const wrong = (why: string) => new TypeError(`Cannot use the route "${pattern}": ${why}`);
    if (path === undefined || !path.startsWith("/")) throw wrong('it must be like "GET /path"');
    if (method !== "" && !METHOD.test(method!)) throw wrong("its method must be in capitals");
    if (typeof handler !== "function") throw wrong("its handler must be a function");
    const whole = prefix + (prefix !== "" && path === "/" ? "" : path);
    const segments = whole.slice(1).split("/");
    const params: Param[] = [];
    let branch = this.root;
    let leaf: RouteLeaf | undefined;
    for (const [i, segment] of segments.entries()) {
      if (segment === "*") {
        if (i < segments.length - 1) throw wrong("* is only allowed at its end");
        params.push({ name: "*", type: undefined });
        leaf = branch.rest ??= new Map();
      } else if (segment.startsWith(":")) {
        const param = readParam(segment, wrong);
        if (params.some(({ name }) => name === param.name)) {
          throw wrong(`it has ${segment} twice`);
        }
        params.push(param);
        branch = paramOf(branch, param.type);
      } else {
        if (/[*?#\s]/.test(segment)) throw wrong(`"${segment}" is not a segment of a path`);
        let next = branch.fixed.get(segment);
        if (next === undefined) branch.fixed.set(segment, next = sprout());
        branch = next;
      }
    }
    leaf ??= branch.leaf ??= new Map();
    if (leaf.has(method!)) throw wrong("another route matches the same requests");
    leaf.set(method!, { handler, params });
    if (params.length === 0) this.exact.set(whole, leaf);
    if (method !== "") this.methods.add(method!);
  }
}

function readParam(segment: string, wrong: (why: string) => TypeError): Param {
  const match = /^:(\w+)(?:<(\w+)>)?$/.exec(segment);
  if (match === null) throw wrong(`"${segment}" is not a parameter`);
  const [, name, type] = match;
  if (type === undefined) return { name: name!, type };
  if (!Object.hasOwn(TYPES, type)) {
    throw wrong(`the type ${type} is unknown: use ${Object.keys(TYPES).join(" or ")}`);
  }
  return { name: name!, type: type as keyof RouteParamTypes };
}

/** Returns the branch for parameters of a type, which is made if it is missing. */
function paramOf(branch: Branch, type: Param["type"]): Branch {
  const known = branch.params.find((one) => one.type === type);
  if (known !== undefined) return known.branch;
  const made = { type, branch: sprout() };
  if (type === undefined) branch.params.push(made);
  else branch.params.unshift(made);
  return made.branch;
}

function sprout(): Branch {
  return { fixed: new Map(), params: [], leaf: undefined, rest: undefined };
}

/** Returns the target of a method. */
export function targetOf(leaf: RouteLeaf | undefined, method: string): RouteTarget | undefined {
  if (leaf === undefined) return undefined;
  // The transport does not send the body of a response to HEAD.
  return leaf.get(method) ?? (method === "HEAD" ? leaf.get("GET") : undefined) ?? leaf.get("");
}
