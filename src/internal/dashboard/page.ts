import { script } from "./script.ts"
import { style } from "./style.ts"

const escape = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;")

/**
 * The page. `admin` is the address of the admin API, relative to that of the page.
 *
 * @internal
 */
export const page = (admin: string): string => `<!DOCTYPE html>
<html lang="en" data-admin="${escape(admin)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Circuit breakers</title>
<link rel="icon" id="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<header>
<div class="title"><h1>Circuit breakers</h1><div id="status" class="connecting"
 role="status"><i></i><span id="status-text">Connecting…</span></div></div>
<div id="trouble" role="alert" hidden><span id="trouble-text"></span></div>
<div id="banner" class="is-none" role="status"><span id="banner-shape"></span><div><p
 id="banner-title">Loading…</p><p id="banner-text"></p></div></div>
</header>
<main>
<nav class="pane" aria-label="Breakers">
<h2>Breakers (<span id="breakers-count">0</span>)</h2>
<button type="button" id="toggle-breakers" aria-expanded="false" aria-controls="pane-body">Breakers</button>
<div class="pane-body" id="pane-body"><div id="breakers-view"><ul id="breakers" role="list"
 aria-label="Breakers"></ul></div><p class="hint" id="breakers-more"></p></div>
</nav>
<div class="list" role="region" aria-label="Circuits">
<div id="bar">
<form id="filter" role="search"><input id="search" type="search" maxlength="256" autocomplete="off"
 placeholder="Search breakers and keys ( / )" aria-label="Search breakers and keys" aria-keyshortcuts="/"></form>
<div id="chips" role="group" aria-label="Show only these states"></div>
<button type="button" id="clear" hidden>Clear filter</button>
<span id="shown" role="status"></span>
</div>
<div id="heads" aria-hidden="true"><span>State</span><span>Circuit (breaker / key)</span><span
 class="charts"><span>Calls/s</span><span>Failures</span><span>Rejected/s</span></span><span></span></div>
<ul id="circuits" role="list" aria-label="Circuits, those that are not Closed first"></ul>
<div id="empty" hidden><p id="empty-text"></p><button type="button" id="uncalled"></button></div>
</div>
</main>
<aside id="details" aria-labelledby="details-title" hidden></aside>
<div id="says" role="status" hidden></div>
<dialog id="dialog"></dialog>
<noscript>This page needs JavaScript. The admin API works without it.</noscript>
<script>${script}</script>
</body>
</html>
`
