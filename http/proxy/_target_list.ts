import {
  type AddressBlock,
  type AddressBytes,
  isInBlock,
  readAddressBlock,
} from "../../net/address_block.ts";
import { optionError } from "../../net/internal/options.ts";

/** A list of targets of the options: names, suffixes, addresses and blocks. */
export class TargetList {
  /** The addresses and blocks. */
  readonly blocks: readonly AddressBlock[];
  readonly #names: ReadonlySet<string>;
  readonly #suffixes: readonly string[];

  /**
   * Reads a list.
   *
   * @param option The name of the option, for messages.
   * @param entries The names, suffixes, addresses and blocks.
   */
  constructor(option: string, entries: readonly string[]) {
    const names = new Set<string>();
    const suffixes: string[] = [];
    const blocks: AddressBlock[] = [];
    for (const [index, entry] of entries.entries()) {
      const block = readAddressBlock(entry);
      const match = /^(\*?\.)?([0-9a-z_-]+(?:\.[0-9a-z_-]+)*)\.?$/.exec(entry.toLowerCase());
      if (block !== undefined) blocks.push(block);
      // A malformed address would never match, so that the rule would have no effect.
      else if (match === null || /^[\d.]+$/.test(entry)) {
        throw optionError(
          `${option}[${index}]`,
          "a host name, a .suffix, an address or a block",
          entry,
        );
      } else {
        names.add(match[2]!);
        if (match[1] !== undefined) suffixes.push(`.${match[2]}`);
      }
    }
    this.blocks = blocks;
    this.#names = names;
    this.#suffixes = suffixes;
  }

  /** Returns whether the list contains a host name, with or without a dot at its end. */
  hasName(hostname: string): boolean {
    const name = hostname.endsWith(".") ? withoutDots(hostname) : hostname;
    return this.#names.has(name) || this.#suffixes.some((suffix) => name.endsWith(suffix));
  }

  /** Returns whether one of the blocks contains an address. */
  hasAddress(address: AddressBytes): boolean {
    return this.blocks.some((block) => isInBlock(address, block));
  }
}

function withoutDots(name: string): string {
  let end = name.length;
  while (name[end - 1] === ".") end--;
  return name.slice(0, end);
}
