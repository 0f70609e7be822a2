import { smaller } from "./smaller.ts"

/**
 * The page's style sheet. The colours of text have a contrast of at least 4.5 to 1 to every background on which they
 * are used.
 *
 * @internal
 */
export const style = smaller(String.raw`
:root {
  color-scheme: light dark; --ground: #f4f5f7; --surface: #fff; --raised: #f8f9fb; --edge: #dde1e7;
  --control: #868f9c; --text: #1b222c; --muted: #57606d; --accent: #1859a9; --on-accent: #fff;
  --Open: #b3261e; --Open-tint: #fdeeec; --HalfOpen: #855200; --HalfOpen-tint: #fdf4e1;
  --Recovering: #0f5f93; --Recovering-tint: #e9f4fb; --Isolated: #6b2fa0; --Isolated-tint: #f5effb;
  --Disabled: #505965; --Disabled-tint: #eef0f3; --Closed: #1e6b41; --Closed-tint: #eaf6ef;
  --none: #57606d; --none-tint: #fff
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0f1318; --surface: #171c23; --raised: #1d232b; --edge: #2c343f; --control: #737e8c;
    --text: #e7ebf0; --muted: #a3adb9; --accent: #8fbdf5; --on-accent: #0e1824; --Open: #ff9c92;
    --Open-tint: #35191a; --HalfOpen: #f5c163; --HalfOpen-tint: #30260f; --Recovering: #83c8f7;
    --Recovering-tint: #12283a; --Isolated: #d3b0ff; --Isolated-tint: #281c3a; --Disabled: #b3bcc8;
    --Disabled-tint: #262c35; --Closed: #86dcaa; --Closed-tint: #14291e; --none: #a3adb9;
    --none-tint: #171c23
  }
}
.is-Open { --tone: var(--Open); --tint: var(--Open-tint) }
.is-HalfOpen { --tone: var(--HalfOpen); --tint: var(--HalfOpen-tint) }
.is-Recovering { --tone: var(--Recovering); --tint: var(--Recovering-tint) }
.is-Isolated { --tone: var(--Isolated); --tint: var(--Isolated-tint) }
.is-Disabled { --tone: var(--Disabled); --tint: var(--Disabled-tint) }
.is-Closed { --tone: var(--Closed); --tint: var(--Closed-tint) }
.is-none { --tone: var(--none); --tint: var(--none-tint) }
*, *::before, *::after { box-sizing: border-box }
[hidden] { display: none !important }
body {
  margin: 0; background: var(--ground); color: var(--text);
  font: 14px/1.4 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
  font-variant-numeric: tabular-nums
}
h1, h2, h3, p, ul, ol, dl, dd, pre { margin: 0; padding: 0 }
ul, ol { list-style: none }
button, input, select { font: inherit; color: inherit }
button {
  background: var(--surface); border: 1px solid var(--control); border-radius: 6px; padding: 5px 12px;
  cursor: pointer
}
button:hover { background: var(--raised); border-color: var(--text) }
button:disabled { opacity: .6; cursor: default }
input, select {
  background: var(--surface); border: 1px solid var(--control); border-radius: 6px; padding: 6px 10px;
  min-width: 0
}
:focus-visible { outline: 3px solid var(--accent); outline-offset: 1px }
[tabindex="-1"]:focus { outline: none }
.primary {
  background: var(--accent); border-color: var(--accent); color: var(--on-accent); font-weight: 600
}
.primary:hover { background: var(--accent); filter: brightness(1.1) }
.hint, .more, .cause { color: var(--muted) }
.hint { font-size: 13px }
.shape { width: 1em; height: 1em; fill: currentColor; flex: none }

header { padding: 14px 20px 0; max-width: 2000px; margin: auto }
.title {
  display: flex; align-items: center; justify-content: space-between; gap: 12px; margin-bottom: 12px
}
h1 { font-size: 16px; font-weight: 600 }
#status { display: flex; align-items: center; gap: 7px; color: var(--muted); font-size: 13px }
#status i { width: 9px; height: 9px; border-radius: 50%; border: 2px solid currentColor }
#status.live { color: var(--Closed) }
#status.live i { background: currentColor }
#status.stale, #status.lost { color: var(--HalfOpen); font-weight: 600 }
#status.stale i, #status.lost i { border-radius: 0 }
#trouble {
  background: var(--HalfOpen-tint); color: var(--HalfOpen); border: 1px solid currentColor;
  border-radius: 8px; padding: 8px 14px; margin-bottom: 12px
}
#banner {
  display: flex; align-items: center; gap: 16px; background: var(--tint); border: 1px solid var(--edge);
  border-left: 6px solid var(--tone); border-radius: 8px; padding: 14px 18px
}
#banner-shape { font-size: 34px; color: var(--tone); display: flex; min-height: 34px }
#banner-title { font-size: 22px; line-height: 1.25; font-weight: 650; color: var(--tone) }
#banner-text { color: var(--text) }

main {
  max-width: 2000px; margin: auto; padding: 0 20px 40px; display: grid;
  grid-template-columns: 264px minmax(0, 1fr); gap: 0 20px
}
.has-details main, .has-details header { margin: 0; max-width: none; padding-right: 496px }
.pane {
  position: sticky; top: 0; align-self: start; padding-top: 12px; height: 100vh; display: flex;
  flex-direction: column
}
.pane h2, .list h2 { font-size: 13px; font-weight: 600; color: var(--muted); margin: 6px 0 8px }
#toggle-breakers { display: none }
#breakers-view { overflow-y: auto; min-height: 0; flex: 1; padding: 3px }
#breakers { position: relative }
.breaker-row {
  position: absolute; inset: 0 0 auto; height: 102px; padding-bottom: 6px; contain: layout style
}
.breaker-row button {
  width: 100%; height: 100%; display: grid; grid-template: 22px 18px 1fr / auto minmax(0, 1fr) 92px;
  gap: 1px 8px; text-align: left; padding: 7px 10px; border-color: var(--edge); align-items: start
}
.breaker-row button:hover { border-color: var(--control) }
.breaker-row [aria-pressed="true"] { border-color: var(--accent); box-shadow: inset 3px 0 0 var(--accent) }
.mark { color: var(--tone); padding-top: 3px; display: flex }
.breaker-row .breaker, .counts, .name > *, .line > span {
  overflow: hidden; text-overflow: ellipsis; white-space: nowrap
}
.breaker-row .breaker { font-weight: 600 }
.counts, .policy { grid-column: 2 / -1; font-size: 13px; line-height: 1.35 }
.policy {
  font-size: 12px; color: var(--muted); display: -webkit-box; -webkit-box-orient: vertical;
  -webkit-line-clamp: 2; overflow: hidden
}
.breaker-row .chart .label { display: none }
.breaker-row .chart { grid-template-columns: 1fr auto; gap: 6px; align-items: center }
.breaker-row .chart svg { grid-column: 1; grid-row: 1; height: 18px }
.breaker-row .chart .value { grid-column: 2; font-size: 12px }

#bar {
  position: sticky; top: 0; z-index: 3; background: var(--ground); padding: 12px 0 8px; display: flex;
  flex-wrap: wrap; gap: 8px; align-items: center
}
#filter { display: flex; flex: 1 1 220px; max-width: 380px }
#search { width: 100% }
#chips { display: flex; flex-wrap: wrap; gap: 6px }
.chip {
  display: inline-flex; align-items: center; gap: 6px; padding: 4px 10px; border-radius: 99px;
  border-color: var(--edge); font-size: 13px
}
.chip .shape { color: var(--tone) }
.chip .number { font-weight: 600 }
.chip.none { color: var(--muted) }
.chip[aria-pressed="true"] {
  background: var(--tint); border-color: var(--tone); color: var(--tone);
  box-shadow: inset 0 0 0 1px var(--tone)
}
#shown { color: var(--muted); font-size: 13px; margin-left: auto }
#clear { border-style: dashed }
.list { container-type: inline-size; min-width: 0 }
#heads, .row {
  display: grid; grid-template-columns: 124px minmax(0, 1fr) 378px 98px; gap: 14px; padding: 0 14px
}
#heads {
  color: var(--muted); font-size: 12px; padding-bottom: 4px; border: 1px solid transparent;
  position: sticky; top: 50px; z-index: 2; background: var(--ground)
}
#heads .charts { display: grid; grid-template-columns: repeat(3, 1fr); gap: 12px }
#circuits { position: relative; margin-top: 1px; min-height: 100px }
.row {
  position: absolute; inset: 0 0 auto; height: 92px; padding-bottom: 0; align-items: center;
  background: var(--surface); border: 1px solid var(--edge); border-top-width: 0; contain: strict
}
.row[aria-posinset="1"] { border-top-width: 1px }
.row:not(.is-Closed) {
  border-left: 4px solid var(--tone, var(--edge)); padding-left: 11px;
  background: var(--tint, var(--surface))
}
.row.selected { box-shadow: inset 0 0 0 2px var(--accent) }
.row.loading > :not(.what) { visibility: hidden }
.badge { display: inline-flex; align-items: center; gap: 7px; color: var(--tone); font-weight: 650 }
.badge .shape { font-size: 18px }
.what { display: grid; gap: 3px; min-width: 0; justify-items: start }
.what > * { max-width: 100% }
.open {
  background: none; border: 0; padding: 0; font-weight: 600; font-size: 15px; text-align: left;
  min-width: 0
}
.open:hover { background: none; text-decoration: underline }
.open::after { content: ""; position: absolute; inset: 0 }
.name { display: flex; gap: 6px; min-width: 0; white-space: pre }
.slash { color: var(--muted); flex: none }
.name .key { min-width: 2em }
.open .breaker { font-weight: 500 }
.line { display: flex; align-items: center; gap: 8px; min-width: 0; min-height: 19px; overflow: hidden }
.line > span { flex: 0 1 auto }
.headline { font-weight: 600 }
.line > .headline { flex-shrink: 0; max-width: calc(100% - 25px) }
.row.is-Closed .headline { font-weight: 400 }
.cause { font-size: 13px }
.row:not(.is-Closed) .cause { color: var(--text) }
.ring { width: 17px; height: 17px; flex: none; transform: rotate(-90deg); fill: none; stroke-width: 3.4 }
.ring .track { stroke: var(--edge) }
.ring .arc { stroke: var(--tone) }
.bar {
  display: inline-block; width: 110px; height: 7px; border-radius: 4px; background: var(--edge);
  overflow: hidden; flex: none !important
}
.bar > span { display: block; height: 100%; background: var(--Closed); border-radius: 4px }
.bar.near > span { background: var(--HalfOpen) }
.bar.reached > span { background: var(--control) }
.bar.full > span { background: var(--Open) }
.actions { position: relative; z-index: 1; text-align: right }
.act { padding: 5px 10px; width: 98px }
.row.is-Closed .act { border-color: transparent; background: none; color: var(--muted) }
.row.is-Closed .act:hover { border-color: var(--control); color: var(--text) }
.charts { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 12px }
.chart {
  position: relative; display: grid; grid-template-columns: 1fr auto; align-items: baseline;
  font-size: 12px
}
.chart .label { color: var(--muted) }
.row .label { display: none }
.chart .value { font-weight: 600; font-size: 13px; grid-column: 2 }
.row .chart .value { grid-column: 1 / -1 }
.chart svg { grid-column: 1 / -1; width: 100%; height: 34px; display: block; overflow: visible }
.chart .line { fill: none; stroke: var(--ink); stroke-width: 1.5; stroke-linejoin: round }
.chart .fill { fill: var(--ink); opacity: .16; stroke: none }
.chart .base { stroke: var(--edge); stroke-width: 1 }
.chart.calls { --ink: var(--accent) }
.chart.share { --ink: var(--Open) }
.chart.rejected { --ink: var(--HalfOpen) }
.is-stale .chart svg, .is-stale .ring { opacity: .5 }
#empty { padding: 40px; text-align: center; color: var(--muted) }
#uncalled { color: var(--text); margin-top: 12px; max-width: 100%; overflow-wrap: anywhere }

#details {
  position: fixed; inset: 0 0 0 auto; width: 476px; max-width: 100%; z-index: 5; overflow-y: auto;
  background: var(--surface); border-left: 1px solid var(--edge); padding: 0 22px 30px
}
#details .top {
  position: sticky; top: 0; background: var(--surface); z-index: 1; padding: 14px 0 8px; display: grid;
  grid-template-columns: minmax(0, 1fr) auto; gap: 4px 10px
}
#details h2 { font-size: 20px; line-height: 1.3; margin-bottom: 10px }
#details .name { white-space: pre-wrap; flex-wrap: wrap; overflow-wrap: anywhere }
#details .name > * { white-space: inherit }
.badge .shape { flex: none }
#details .top .badge { font-size: 15px }
.close { font-size: 20px; line-height: 1; padding: 3px 10px; grid-column: 2; grid-row: 1 }
.now {
  background: var(--tint); border-left: 5px solid var(--tone); border-radius: 6px; padding: 12px 14px;
  display: grid; gap: 4px
}
.now .line { overflow: visible }
.now .headline { flex: 1; white-space: normal; font-size: 18px; font-weight: 650 }
.now .ring { width: 24px; height: 24px }
.now .hint { color: var(--text) }
.controls { display: flex; flex-wrap: wrap; gap: 8px; margin: 14px 0 }
#details section { border-top: 1px solid var(--edge); padding: 12px 0 14px }
#details h3 { font-size: 13px; color: var(--muted); font-weight: 600; margin-bottom: 6px }
.body > .hint { margin: 12px 0 }
.failure { font-size: 15px; font-weight: 600; overflow-wrap: anywhere; white-space: pre-wrap }
pre {
  margin-top: 8px; padding: 10px; max-height: 220px; overflow: auto; background: var(--raised);
  border: 1px solid var(--edge); border-radius: 6px;
  font: 12px/1.45 ui-monospace, "DejaVu Sans Mono", monospace; white-space: pre-wrap;
  overflow-wrap: anywhere
}
.figures, .overrides, .transitions { display: grid; gap: 9px }
.figures li {
  display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 4px 10px; overflow-wrap: anywhere
}
.figures .value { font-weight: 600 }
.figures .bar { grid-column: 1 / -1; width: 100%; height: 9px }
.overrides li {
  border: 1px solid var(--edge); border-radius: 6px; padding: 10px 12px; display: grid; gap: 4px;
  justify-items: start; margin-bottom: 12px; overflow-wrap: anywhere
}
q { color: var(--muted) }
#details .charts { grid-template-columns: minmax(0, 1fr); gap: 14px }
#details .chart svg { height: 52px; margin-top: 2px }
dl { display: grid; grid-template-columns: 130px minmax(0, 1fr); gap: 5px 12px }
dt { color: var(--muted) }
dd { overflow-wrap: anywhere }
.transitions li { display: grid; grid-template-columns: auto auto 1fr; gap: 2px 8px; align-items: center }
.transitions .shape { color: var(--tone) }
.transitions time { color: var(--muted) }
.transitions .hint { grid-column: 3 }

dialog {
  border: 1px solid var(--edge); border-radius: 10px; padding: 20px 24px; width: 460px;
  max-width: calc(100vw - 24px); background: var(--surface); color: var(--text)
}
dialog::backdrop { background: rgb(10 14 20 / .5) }
dialog form { display: grid; gap: 12px }
dialog h2 { font-size: 18px }
.target { font-weight: 600; overflow-wrap: anywhere; white-space: pre-wrap }
.says { overflow-wrap: anywhere }
.field { display: grid; gap: 4px }
.field > span:first-child { font-weight: 600; font-size: 13px }
[aria-invalid="true"] { border-color: var(--Open); outline: 1px solid var(--Open) }
.problem { color: var(--Open); font-weight: 600; overflow-wrap: anywhere }
.problem:empty { display: none }
.buttons { display: flex; justify-content: flex-end; gap: 8px; margin-top: 4px }
#says {
  position: fixed; left: 20px; bottom: 20px; z-index: 8; max-width: min(560px, calc(100vw - 40px));
  background: var(--surface); border: 1px solid var(--control); border-left: 6px solid var(--Closed);
  border-radius: 8px; padding: 12px 16px; box-shadow: 0 6px 24px rgb(0 0 0 / .22);
  overflow-wrap: anywhere
}
#says.bad { border-left-color: var(--Open) }
#says.calm { border-left-color: var(--Disabled) }

@container (max-width: 980px) {
  .row, #heads { grid-template-columns: 118px minmax(0, 1fr) 236px 92px; gap: 10px }
  .row .charts, #heads .charts { gap: 8px }
  .act { width: 92px; padding: 5px 6px }
  .line > .bar { width: 64px }
}
@container (max-width: 839px) {
  #heads { display: none }
  .row {
    height: 176px; grid-template: auto auto 1fr / minmax(0, 1fr) auto; gap: 4px 10px; padding: 9px 12px
  }
  .row .actions { grid-area: 1 / 2 }
  .row .what { grid-column: 1 / -1 }
  .row .charts { grid-column: 1 / -1 }
  .row .label { display: block }
  .row .chart .value { grid-column: 2 }
  .chart svg { height: 26px }
}
@media (max-width: 1799px) {
  .has-details .pane { display: none }
  .has-details main { grid-template-columns: minmax(0, 1fr) }
}
@media (max-width: 1179px) {
  .has-details main, .has-details header { padding-right: 20px }
  #details { box-shadow: -8px 0 40px rgb(0 0 0 / .3) }
}
@media (max-width: 899px) {
  header { padding: 10px 12px 0 }
  main { grid-template-columns: minmax(0, 1fr); padding: 0 12px 40px }
  .pane { position: static; height: auto }
  #toggle-breakers { display: flex; justify-content: space-between; width: 100%; margin-top: 4px }
  #toggle-breakers::after { content: "▾" / ""; }
  #toggle-breakers[aria-expanded="true"]::after { content: "▴" / "" }
  .pane h2 { display: none }
  .pane-body { display: none }
  .shows-breakers .pane-body { display: flex; height: 290px; margin-top: 8px }
  #bar { position: static }
  #heads { top: 0 }
  #banner { padding: 10px 12px; gap: 12px }
  #banner-title { font-size: 18px }
  #banner-shape { font-size: 28px }
  #filter { max-width: none; flex-basis: 100% }
  .chip.none[aria-pressed="false"] { display: none }
}
@media (max-width: 560px) {
  #details { width: 100%; border: 0; padding: 0 14px 30px }
  .has-details main, .has-details header { padding-right: 12px }
  button { min-height: 34px }
  .open { min-height: 0 }
}
.pane-body { min-height: 0; flex: 1; flex-direction: column }
@media (min-width: 900px) {
  .pane-body { display: flex }
}
@media (prefers-reduced-motion: no-preference) {
  .ring .arc { transition: stroke-dasharray .5s linear }
}
`)
