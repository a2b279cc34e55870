import type { HttpInfo } from "../server/options.ts";

/** The types of parameters, such as `int` in `:id<int>`, and the types of their values. */
export interface RouteParamTypes {
  /** An integer of at most 15 digits. */
  int: number;
  /** A UUID (RFC 9562), in lower case. */
  uuid: string;
}

/** The parameters of one segment of a pattern. */
export type RouteSegmentParams<S extends string> = S extends "*" ? { readonly "*": string }
  : S extends `:${infer Name}<${infer Type}>`
    ? { readonly [K in Name]: Type extends keyof RouteParamTypes ? RouteParamTypes[Type] : never }
  : S extends `:${infer Name}` ? { readonly [K in Name]: string }
  : Record<never, never>;

/** The parameters of a literal pattern. */
export type RoutePatternParams<P extends string> = P extends `${infer Head}/${infer Rest}`
  ? RouteSegmentParams<Head> & RoutePatternParams<Rest>
  : RouteSegmentParams<P>;

/** The parameters of a path, decoded and converted to their types. */
export type RouteParams<P extends string = string> = string extends P
  ? Readonly<Record<string, string | number>>
  : RoutePatternParams<P>;

/** Answers the requests of one route. */
export type RouteHandler<P extends string = string> = (
  request: Request,
  info: HttpInfo,
  params: RouteParams<P>,
) => Response | Promise<Response>;
