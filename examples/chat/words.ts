/**
 * The sentences of the chat in English and Chinese. Pure.
 *
 * **Permissions**: none.
 *
 * @module
 */

import { parseWeights } from "../../http/header_list.ts";
import { lowerAscii } from "../../net/text.ts";
import type { ByeCode, ErrorCode, NoticeCode, Params, ReplyCode } from "./events.ts";

/** The languages of the chat. */
export type Lang = "en" | "zh";

/** A sentence of the face itself. */
export type FaceCode =
  | "greeting"
  | "try-again"
  | "naming-timeout"
  | "naming-attempts"
  | "silence"
  | "welcome"
  | "alone"
  | "more"
  | "earlier"
  | "here"
  | "not-decodable"
  | "charset"
  | "usage-charset"
  | "private"
  | "file"
  | "edited"
  | "deleted"
  | "deleted-text"
  | "reacted"
  | "unreacted"
  | "to"
  | "help-terminal"
  | "help-page"
  | "history-more"
  | "history-end"
  | "results-none"
  | "results-none-yet"
  | "results-more"
  | "usage-edit"
  | "usage-react"
  | "nothing-said"
  | "nothing-heard";

/** The code of any sentence. */
export type SentenceCode = NoticeCode | ReplyCode | ErrorCode | FaceCode | `bye-${ByeCode}`;

/** The texts by code. `{name}` is replaced by the parameter `name`. */
type Sentences = Readonly<Record<SentenceCode, string>>;

const en: Sentences = {
  joined: "{name} joined",
  left: "{name} left",
  renamed: "{from} is now {to}",
  stopping: "The server is stopping",

  greeting: "Welcome to the chat. Type your name and press Enter.",
  "try-again": "Another name?",
  "naming-timeout": "You did not enter a name in time. Good-bye.",
  "naming-attempts": "Too many tries. Good-bye.",
  silence: "You were silent for too long. Good-bye.",
  welcome: "You are {name} in #{room} with {others}. /help lists the commands.",
  alone: "You are {name}, alone in #{room}. /help lists the commands.",
  more: ", and {count} more",
  private: "private",
  earlier: "Earlier in #{room}:",
  here: "The chat is here.",
  "not-decodable":
    "That line was not sent: it is not {charset}. Type /charset {guess} if your terminal uses {guess}. " +
    "For all terminals, start the chat with --charset {guess}.",
  charset: "This terminal uses {charset}.",
  "usage-charset": "Usage: /charset NAME, with utf-8, gbk or latin-1",

  file: "file",
  edited: "edited",
  deleted: "{from} deleted a message",
  "deleted-text": "deleted",
  reacted: "{from} reacted with {emoji}",
  unreacted: "{from} took {emoji} back",
  to: "to {author}",
  "history-more": "/history shows older messages.",
  "history-end": "There are no older messages.",
  "results-none": "Nothing found.",
  "results-none-yet": "Nothing found in the newest messages. Use before: for older ones.",
  "results-more": "There may be more: use from:, in:, before: or after:.",
  "usage-edit": "Usage: /edit TEXT",
  "usage-react": "Usage: /react EMOJI",
  "nothing-said": "You have not written anything here.",
  "nothing-heard": "There is no message here.",
  "help-terminal": [
    "/edit TEXT      replace your last message",
    "/delete         delete your last message",
    "/react EMOJI    react to the last message; again: take it back",
    "/history        show older messages",
    "/charset NAME   set the encoding of this terminal, such as gbk",
  ].join("\n"),
  "help-page": "/leave #ROOM    leave a room; without a name, this one",

  "bye-quit": "Good-bye.",
  "bye-displaced": "You joined again from another place. Good-bye.",
  "bye-shutdown": "Good-bye.",
  "bye-offline": "This server has lost the others. Please connect again. Good-bye.",

  "name-empty": "A name has 1 to 32 visible characters.",
  "name-long": "A name has at most 32 characters.",
  "name-space": "A name has no spaces. How about {suggestion}?",
  "name-character": "A name has no colon, comma or asterisk, and nothing invisible.",
  "name-scripts": "A name has letters of one living script: it does not mix Latin and Cyrillic.",
  "name-lookalike": "That name looks like another one in Latin letters.",
  "name-start": "A name starts with a letter, a digit, an emoji or _.",
  "name-reserved": "That name could be taken for a notice of the server.",
  "name-taken": "{name} is already here.",
  "name-similar": "{name} is already here, and your name looks like that.",
  "room-invalid": "A room name has 1 to 32 letters of one script, digits, - and _, such as #tea.",
  "rooms-full": "There are too many rooms; /rooms lists them.",
  "address-rooms": "Your address has opened too many rooms; /rooms lists them.",
  unavailable: "The chat cannot store its users now. Try again later.",
  full: "The chat is full. Try again later.",

  help: [
    "/who            list the users in this room",
    "/nick NAME      change your name",
    "/me TEXT        say what you are doing",
    "/msg NAME TEXT  send a private message",
    "/search WORDS   find messages",
    "/rooms          list all rooms",
    "/join #ROOM     enter a room, or create it",
    "/quit           leave",
    "//TEXT          send a text that starts with a slash",
  ].join("\n"),
  who: "In #{room} ({count}): {names}",
  rooms: "Rooms: {rooms}",
  "same-name": "You are {name} already.",
  "same-room": "You are in #{room} already.",
  "unknown-command": "There is no command {command}. /help lists the commands.",
  "usage-me": "Usage: /me TEXT",
  "usage-msg": "Usage: /msg NAME TEXT",
  "usage-nick": "Usage: /nick NAME",
  "usage-join": "Usage: /join #ROOM",
  "no-such-user": "Nobody here is called {name}. /who lists the names.",
  "too-long": "That line was not sent: it is longer than {max} bytes.",
  "too-many-lines": "That message was not sent: it has more than {max} lines.",
  "too-many-rooms": "You are in {max} rooms, which is the limit. /leave leaves one.",
  "last-room": "You cannot leave your last room.",
  away: "{name} is not connected and will see your message later.",
  "usage-search":
    "Usage: /search WORDS, with from:NAME, in:#ROOM, before:2026-12-31 or after:2026-01-01",
  blank: "That line was not sent: it has no visible characters.",

  "not-in-room": "You are not in #{room}. Nothing was sent.",
  "not-stored": "That line was not sent: the server cannot store messages now.",
  "not-readable": "The server cannot read its messages now.",
  "no-such-message": "There is no such message.",
  "no-such-peer": "That line was not sent: this user does not exist.",
  "not-yours": "You can change only your own messages.",
  "too-many-reactions": "This message has too many reactions.",
  "no-such-file": "The message has no text, and its files are gone.",
  "searching": "Your last searches are still running.",
  "bad-emoji": "A reaction is one emoji.",
};

const zh: Sentences = {
  joined: "{name} 加入了",
  left: "{name} 离开了",
  renamed: "{from} 改名为 {to}",
  stopping: "服务器即将停止",

  greeting: "欢迎来到聊天室。请输入你的名字，然后按回车。",
  "try-again": "换一个名字？",
  "naming-timeout": "没有及时输入名字，再见。",
  "naming-attempts": "尝试次数过多，再见。",
  silence: "太久没有收到你的消息，再见。",
  welcome: "你是 {name}，在 #{room}，同在的有 {others}。输入 /help 查看命令。",
  alone: "你是 {name}，在 #{room}，目前只有你一人。输入 /help 查看命令。",
  more: ", 等另外 {count} 人",
  private: "私信",
  earlier: "#{room} 之前的消息：",
  here: "聊天室在线。",
  "not-decodable":
    "这一行没有发送：不是 {charset} 编码。如果终端使用 {guess}，请输入 /charset {guess}。" +
    "要对所有终端生效，请用 --charset {guess} 启动聊天室。",
  charset: "这个终端使用 {charset} 编码。",
  "usage-charset": "用法：/charset 名称，可用 utf-8、gbk 或 latin-1",

  file: "文件",
  edited: "已修改",
  deleted: "{from} 删除了一条消息",
  "deleted-text": "已删除",
  reacted: "{from} 回应了 {emoji}",
  unreacted: "{from} 收回了 {emoji}",
  to: "给 {author}",
  "history-more": "输入 /history 查看更早的消息。",
  "history-end": "没有更早的消息了。",
  "results-none": "没有找到。",
  "results-none-yet": "最近的消息里没有找到。用 before: 查找更早的消息。",
  "results-more": "可能还有更多：可以用 from:、in:、before: 或 after:。",
  "usage-edit": "用法：/edit 内容",
  "usage-react": "用法：/react 表情符号",
  "nothing-said": "你在这里还没有发过消息。",
  "nothing-heard": "这里还没有消息。",
  "help-terminal": [
    "/edit 内容     修改你的上一条消息",
    "/delete        删除你的上一条消息",
    "/react 表情    回应上一条消息；再次输入则收回",
    "/history       查看更早的消息",
    "/charset 名称  设置这个终端的编码，例如 gbk",
  ].join("\n"),
  "help-page": "/leave #房间   离开一个房间；不写名字则离开当前房间",

  "bye-quit": "再见。",
  "bye-displaced": "你已从别处重新进入，再见。",
  "bye-shutdown": "再见。",
  "bye-offline": "本服务器与其他服务器失去联系，请重新连接。再见。",

  "name-empty": "名字应有 1 到 32 个可见字符。",
  "name-long": "名字最多 32 个字符。",
  "name-space": "名字里不能有空格。用 {suggestion} 怎么样？",
  "name-character": "名字里不能有冒号、逗号、星号或不可见字符。",
  "name-scripts": "名字里的字母应属于同一种现行文字，不能混用拉丁字母和西里尔字母。",
  "name-lookalike": "这个名字看起来像另一个用拉丁字母写的名字。",
  "name-start": "名字应以文字、数字、表情符号或 _ 开头。",
  "name-reserved": "这个名字会被误认为服务器通知。",
  "name-taken": "已经有人叫 {name} 了。",
  "name-similar": "已经有人叫 {name} 了，你的名字看起来和它一样。",
  "room-invalid": "房间名由 1 到 32 个同一种文字的字符、数字、- 或 _ 组成，例如 #茶馆。",
  "rooms-full": "房间太多了；输入 /rooms 查看现有房间。",
  "address-rooms": "你的地址开的房间太多了；输入 /rooms 查看现有房间。",
  unavailable: "聊天室暂时无法保存用户，请稍后再试。",
  full: "聊天室已满，请稍后再试。",

  help: [
    "/who           查看房间里有谁",
    "/nick 名字     改名",
    "/me 动作       说你在做什么",
    "/msg 名字 内容 只对一个人说",
    "/search 词语   查找消息",
    "/rooms         查看有哪些房间",
    "/join #房间    去另一个房间，或新开一个",
    "/quit          离开",
    "//内容         发送以斜杠开头的内容",
  ].join("\n"),
  who: "#{room} 里有 {count} 人：{names}",
  rooms: "房间：{rooms}",
  "same-name": "你已经叫 {name} 了。",
  "same-room": "你已经在 #{room} 了。",
  "unknown-command": "没有 {command} 这个命令。输入 /help 查看命令。",
  "usage-me": "用法：/me 动作",
  "usage-msg": "用法：/msg 名字 内容",
  "usage-nick": "用法：/nick 名字",
  "usage-join": "用法：/join #房间",
  "no-such-user": "这里没有叫 {name} 的人。输入 /who 查看名单。",
  "too-long": "这一行没有发送：超过了 {max} 字节。",
  "too-many-lines": "这条消息没有发送：超过了 {max} 行。",
  "too-many-rooms": "你已经在 {max} 个房间里，这是上限。输入 /leave 离开一个。",
  "last-room": "不能离开最后一个房间。",
  away: "{name} 现在不在线，之后会看到你的消息。",
  "usage-search":
    "用法：/search 词语，还可以用 from:名字 in:#房间 before:2026-12-31 after:2026-01-01",
  blank: "这一行没有发送：没有可见的内容。",

  "not-in-room": "你不在 #{room}，没有发送任何内容。",
  "not-stored": "这一行没有发送：服务器暂时无法保存消息。",
  "not-readable": "服务器暂时无法读取消息。",
  "no-such-message": "没有这条消息。",
  "no-such-peer": "这一行没有发送：没有这个用户。",
  "not-yours": "只能修改自己的消息。",
  "too-many-reactions": "这条消息的回应太多了。",
  "no-such-file": "消息没有文字，附件也已不存在。",
  "searching": "您的上一次搜索还没有结束。",
  "bad-emoji": "一次只能用一个表情符号回应。",
};

const LANGUAGES: Readonly<Record<Lang, Sentences>> = { en, zh };

/**
 * Returns a sentence.
 *
 * @param lang The language of the sentence.
 * @param code The code of the sentence.
 * @param params The values for the placeholders.
 * @returns The sentence; several lines for `help`.
 */
export function sentence(lang: Lang, code: SentenceCode, params: Params = {}): string {
  // One pass, so that braces in a name stay unchanged.
  return LANGUAGES[lang][code].replace(/\{(\w+)\}/g, (_, name: string) => params[name] ?? "");
}

/**
 * Returns the language of the chat that a browser prefers (RFC 9110 §12.5.4). Regions do not count:
 * `zh-TW` is Chinese.
 *
 * @param accepted The header `Accept-Language`; null without one.
 * @returns The language; undefined if the browser names none of the chat's, or takes any.
 */
export function preferredLang(accepted: string | null): Lang | undefined {
  for (const { value, weight } of parseWeights(accepted ?? "")) {
    const [language] = lowerAscii(value).split("-", 1);
    if (weight > 0 && (language === "en" || language === "zh")) return language;
  }
  return undefined;
}
