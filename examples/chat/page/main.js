// The page of the chat. Each module registers itself; this one starts them in order.

import "./unread.js";
import "./events.js";
import "./side.js";
import "./places.js";
import "./crowd.js";
import "./complete.js";
import "./composer.js";
import "./attach.js";
import "./actions.js";
import "./older.js";
import "./search.js";
import "./notify.js";
import "./keys.js";
import { routedRoom } from "./route.js";
import { askName, comeBack } from "./session.js";
import { speak } from "./settings.js";
import { drawSymbols } from "./symbols.js";
import { registerWorker } from "./worker.js";

drawSymbols();
speak();
const epoch = document.querySelector("meta[name=epoch]").content;
if (!comeBack(epoch, routedRoom())) askName();
registerWorker();
