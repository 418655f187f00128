// Sets the English messages, for modules whose texts are compared.
import { readFileSync } from "node:fs";

import { setMessages } from "../page/messages.js";

setMessages("en", JSON.parse(readFileSync(new URL("../page/languages/en.json", import.meta.url), "utf8")));
