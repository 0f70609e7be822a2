import { api } from "./script/api.ts"
import { details } from "./script/details.ts"
import { dialog } from "./script/dialog.ts"
import { dom } from "./script/dom.ts"
import { history } from "./script/history.ts"
import { list } from "./script/list.ts"
import { main } from "./script/main.ts"
import { rows } from "./script/rows.ts"
import { states } from "./script/states.ts"
import { view } from "./script/view.ts"
import { smaller } from "./smaller.ts"

/**
 * The page's script. Its parts share the scope of one function, which other scripts cannot access.
 *
 * @internal
 */
export const script = smaller(
  ['"use strict";(() => {', dom, api, history, states, rows, list, dialog, details, main, view, "})()"].join(
    "\n"
  )
)
