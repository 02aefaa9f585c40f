"""The page behind a signed link: the alert, and one button. It works without signing in and without scripts."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence

from century.notify.mail import SIGNS, escape
from century.notify.message import AlertBrief

STYLE = """
:root { color-scheme: light dark; --page: #f8f8f6; --card: #fff; --line: #e6e6e1; --ink: #16181d; --ink2: #454952; --ink3: #656974;
  --accent: #3453c4; --on-accent: #fff; --sunken: #f3f3f0;
  --critical: #a8112d; --critical-tint: #fdeef0; --critical-fill: #b00f2f; --warning: #865600; --warning-tint: #fdf4e1; --warning-fill: #b87a00;
  --info: #1c5fb8; --info-tint: #eaf3fd; --info-fill: #2b5cb0; --ok: #0a6b5a; --ok-tint: #e6f5f1; --ok-fill: #0f9c85; }
@media (prefers-color-scheme: dark) { :root { --page: #0e0f13; --card: #15171c; --line: #262932; --ink: #eceef2; --ink2: #b9bdc8; --ink3: #9298a6;
  --accent: #94abff; --on-accent: #0e1226; --sunken: #21242d;
  --critical: #ff8f9a; --critical-tint: #34151b; --critical-fill: #e8465f; --warning: #f3bc55; --warning-tint: #2d2312; --warning-fill: #f0bb45;
  --info: #86bbff; --info-tint: #13253d; --info-fill: #4a7fe0; --ok: #57cdb0; --ok-tint: #10291f; --ok-fill: #7fd8c6; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 -apple-system, BlinkMacSystemFont, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif; }
main { max-width: 36rem; margin: 0 auto; padding: 1.75rem .75rem calc(8rem + env(safe-area-inset-bottom)); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 14px; overflow: hidden; margin-bottom: .75rem; }
.band { padding: .75rem 1.25rem; border-top: 4px solid; font-size: .8125rem; font-weight: 700; letter-spacing: .04em; display: flex; justify-content: space-between; gap: 1rem; }
.critical { color: var(--critical); background: var(--critical-tint); border-color: var(--critical-fill); }
.warning { color: var(--warning); background: var(--warning-tint); border-color: var(--warning-fill); }
.info { color: var(--info); background: var(--info-tint); border-color: var(--info-fill); }
.ok { color: var(--ok); background: var(--ok-tint); border-color: var(--ok-fill); }
.body { padding: 1.125rem 1.25rem 1.25rem; }
.state { font-weight: 600; letter-spacing: 0; }
.place { color: var(--ink2); font-size: .9375rem; font-weight: 600; overflow-wrap: anywhere; }
h1, h2 { margin: 0; font-weight: 650; letter-spacing: -.01em; line-height: 1.3; overflow-wrap: anywhere; }
h1 { font-size: 1.3125rem; } .several h2 { font-size: 1.0625rem; } .steps { margin: 1.25rem 0 0; font-size: .8125rem; font-weight: 600; letter-spacing: 0; color: var(--ink3); }
p { margin: .5rem 0 0; color: var(--ink2); font-size: .9375rem; }
ol { list-style: none; margin: .25rem 0 0; padding: 0; counter-reset: step; }
ol li { counter-increment: step; position: relative; padding: .5rem 0 0 2.125rem; font-size: .9375rem; overflow-wrap: anywhere; }
ol li::before { content: counter(step); position: absolute; left: 0; top: .5rem; width: 1.4375rem; height: 1.4375rem; border-radius: 50%; background: var(--sunken); color: var(--ink2); font-size: .75rem; line-height: 1.4375rem; font-weight: 600; text-align: center; }
a { color: var(--accent); font-weight: 600; text-decoration: none; }
a:focus-visible, button:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.answer { position: fixed; inset: auto 0 0 0; background: var(--card); border-top: 1px solid var(--line); padding: .875rem .75rem calc(.875rem + env(safe-area-inset-bottom)); }
.answer form, .answer p { max-width: 34.5rem; margin: 0 auto; }
.answer p { text-align: center; font-size: .8125rem; color: var(--ink3); padding-top: .5rem; }
button { width: 100%; min-height: 3.5rem; border: 0; border-radius: 12px; background: var(--accent); color: var(--on-accent); font: inherit; font-size: 1.125rem; font-weight: 650; cursor: pointer; }
"""
STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def document(title: str, body: str) -> str:
    """A page of its own."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
<title>{escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def alerts(
    shown: Sequence[tuple[AlertBrief, str, str]],
    more: int,
    answer: str | None,
    who: str,
    said: str | None,
    *,
    well: bool,
) -> str:
    """The page of some alerts, each with its state and a sentence on it.

    `answer`: what the button says, if there is one; `said`: a sentence above, of good news if `well`.
    """
    alone = len(shown) == 1 and not more
    parts = [_said(said, well=well)] if said else []
    if not alone:
        parts.append(f"<h1>{len(shown) + more} alerts</h1><p></p>")
    parts += [_alert(alert, state, since, alone=alone) for alert, state, since in shown]
    if more:
        parts.append(f"<p>And {more} more.</p>")
    if answer:
        parts.append(
            f'<div class="answer"><form method="post"><button type="submit">{escape(answer)}</button></form>'
            f"<p>As {escape(who)}. Nobody else is told then.</p></div>"
        )
    first = shown[0][0]
    title = f"{first.place}: {first.short}" if alone else f"{len(shown) + more} alerts"
    return document(title, "\n".join(parts))


def message(title: str, sentence: str, link: str) -> str:
    """A page that only says something."""
    body = f'<div class="card"><div class="body"><h1>{escape(title)}</h1><p>{escape(sentence)}</p><p><a href="{escape(link)}">Open Century</a></p></div></div>'
    return document(title, body)


def _said(sentence: str, *, well: bool) -> str:
    kind, sign = ("ok", "&#10003;&nbsp; ") if well else ("warning", "")
    return f'<div class="card"><div class="band {kind}" role="status"><span class="state">{sign}{escape(sentence)}</span></div></div>'


def _alert(alert: AlertBrief, state: str, since: str, *, alone: bool) -> str:
    level = "h1" if alone else "h2"
    name = alert.severity.value if state == "Firing" else "ok"
    sign = SIGNS[alert.severity] if state == "Firing" else "&#10003;"
    steps = "".join(f"<li>{escape(each)}</li>" for each in alert.steps)
    runbook = f'<h2 class="steps">First steps</h2><ol>{steps}</ol>' if steps and alone else ""
    links = f'<a href="{escape(alert.page)}">Open the alert</a>'
    if alert.runbook_url:
        links += f' &ensp; <a href="{escape(alert.runbook_url)}" rel="noreferrer">Runbook</a>'
    return f"""<section class="card{"" if alone else " several"}">
<div class="band {name}"><span>{sign}&nbsp; {alert.severity.value.upper()}</span><span class="state">{escape(state)}</span></div>
<div class="body"><div class="place">{escape(alert.subject)}</div><{level}>{escape(alert.what)}.</{level}>
<p>{escape(since)}</p>{runbook}<p>{links}</p></div>
</section>"""
