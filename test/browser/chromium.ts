/** Where Chromium is on this machine: `CHROMIUM`, or where Debian installs it. */
import { existsSync } from "node:fs"

const places = ["/usr/bin/chromium", "/usr/bin/chromium-browser"]

export const chromiumPath: string | undefined = [process.env["CHROMIUM"], ...places].find(
  (place) => place !== undefined && place !== "" && existsSync(place)
)

export const advice =
  "The tests of the dashboard are left out without a Chromium: apt-get install chromium, or set CHROMIUM"
