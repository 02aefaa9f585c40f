"""Messages as HTML for mail: tables and inline styles, because mail programs know little else; light and dark."""

from __future__ import annotations

import re
from html import escape as escape_signs

from century.notify.event import Event
from century.notify.message import AlertBrief, Message
from century.notify.rendering import headline, intro, since, span
from century.rules.severity import Severity

FONT = "font-family:-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif"
# Ink, tint and fill of each severity: those of the console.
COLOURS = {
    Severity.CRITICAL: ("#a8112d", "#fdeef0", "#b00f2f"),
    Severity.WARNING: ("#865600", "#fdf4e1", "#b87a00"),
    Severity.INFO: ("#1c5fb8", "#eaf3fd", "#2b5cb0"),
}
WELL = ("#0a6b5a", "#e6f5f1", "#0f9c85")
# A shape each: severity never rests on colour alone.
SIGNS = {Severity.CRITICAL: "&#9670;", Severity.WARNING: "&#9650;", Severity.INFO: "&#9679;"}
STYLE = """
:root { color-scheme: light dark; supported-color-schemes: light dark; }
body { margin: 0; padding: 0; -webkit-text-size-adjust: 100%; }
a { text-decoration: none; }
@media (max-width: 480px) {
  .edge { padding-left: 18px !important; padding-right: 18px !important; }
  .page { padding: 0 !important; }
  .card { border-radius: 0 !important; border-left: 0 !important; border-right: 0 !important; }
  .wide { display: block !important; text-align: center !important; margin-right: 0 !important; }
  .headline { font-size: 21px !important; }
}
@media (prefers-color-scheme: dark) {
  .page { background: #0e0f13 !important; }
  .card { background: #15171c !important; border-color: #262932 !important; }
  .line { border-color: #262932 !important; }
  .ink { color: #eceef2 !important; }
  .ink2 { color: #b9bdc8 !important; }
  .ink3 { color: #9298a6 !important; }
  .number { background: #21242d !important; color: #b9bdc8 !important; }
  .accent { color: #94abff !important; }
  .button { background: #94abff !important; color: #0e1226 !important; }
  .second { color: #94abff !important; border-color: #6d7280 !important; }
  .critical { color: #ff8f9a !important; } .critical-band { background: #34151b !important; }
  .warning { color: #f3bc55 !important; } .warning-band { background: #2d2312 !important; }
  .info { color: #86bbff !important; } .info-band { background: #13253d !important; }
  .well { color: #57cdb0 !important; } .well-band { background: #10291f !important; }
}
"""


# A value and its unit stay on one line.
_UNIT = re.compile(r"(?<=\d) (?=(?:ms|s|min|h|d|B|[KMGTP]iB)\b|%)")


def escape(said: str) -> str:
    """Text as HTML shows it."""
    return escape_signs(_UNIT.sub("\u00a0", said))


def html(message: Message) -> str:
    """The message as a document of its own, which loads nothing from anywhere."""
    name, (ink, tint, fill) = _look(message)
    body = _body(message)
    preview = escape(f"{since(message.alerts[0], message)} {message.alerts[0].what}") if message.alerts else ""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>{escape(headline(message))}</title>
<style>{STYLE}</style>
</head>
<body class="page" style="background:#f8f8f6">
<div style="display:none;max-height:0;overflow:hidden">{preview}</div>
<div role="main">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" class="page" style="background:#f8f8f6;padding:28px 12px;{FONT}">
<tr><td align="center">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" class="card" style="max-width:560px;background:#ffffff;border:1px solid #e6e6e1;border-radius:14px;border-collapse:separate;overflow:hidden">
<tr><td class="edge {name}-band" style="background:{tint};border-top:4px solid {fill};padding:13px 28px 12px">
<span class="{name}" style="color:{ink};font-size:13px;line-height:20px;font-weight:700;letter-spacing:.04em">{_band(message)}</span>
</td></tr>
{body}
<tr><td class="edge line" style="border-top:1px solid #e6e6e1;padding:14px 28px 18px">
<span class="ink3" style="color:#656974;font-size:12px;line-height:18px">Century &middot; {escape(message.key)}</span>
</td></tr>
</table>
</td></tr>
</table>
</div>
</body>
</html>
"""


def _look(message: Message) -> tuple[str, tuple[str, str, str]]:
    if message.event is Event.FIRING:
        return message.severity.value, COLOURS[message.severity]
    if message.event is Event.NOTICE:
        return "warning", COLOURS[Severity.WARNING]
    return "well", WELL


def _band(message: Message) -> str:
    match message.event:
        case Event.FIRING:
            level = f" &middot; LEVEL {message.level}" if message.level > 1 else ""
            return f"{SIGNS[message.severity]}&nbsp; {message.severity.value.upper()}{level}"
        case Event.ACKNOWLEDGED:
            return "&#10003;&nbsp; ACKNOWLEDGED"
        case Event.RESOLVED:
            return "&#10003;&nbsp; RESOLVED"
        case Event.NOTICE:
            return "&#9650;&nbsp; A CHANNEL STOPPED"
    return "&#10003;&nbsp; TEST"


def _body(message: Message) -> str:
    if not message.alerts:
        said = message.notice or "Messages of Century reach you here."
        return _cell(_headline(said)) + _cell(_second("Open Century", message.page), "4px 28px 24px")
    if len(message.alerts) == 1:
        return _one(message.alerts[0], message)
    return _several(message)


def _one(alert: AlertBrief, message: Message) -> str:
    place = f'<div class="ink2" style="color:#454952;font-size:15px;line-height:22px;font-weight:600">{escape(alert.subject)}</div>'
    parts = [_cell(place + _headline(f"{alert.what}."), "20px 28px 0")]
    if message.event is Event.FIRING and message.level > 1:
        parts.append(_cell(_say(intro(message)), "10px 28px 0"))
    parts.append(_cell(_say(since(alert, message)), "8px 28px 18px"))
    buttons = _button("Acknowledge", alert.acknowledge) if alert.acknowledge else ""
    buttons += _second("Open the alert", alert.page)
    parts.append(_cell(buttons, "0 28px 22px"))
    if message.event is Event.FIRING and (alert.steps or alert.runbook_url):
        parts.append(_steps(alert))
    return "".join(parts)


def _steps(alert: AlertBrief) -> str:
    title = '<div class="ink3" style="color:#656974;font-size:13px;line-height:20px;font-weight:600">First steps</div>'
    rows = "".join(
        f"""<tr><td valign="top" width="34" style="padding:9px 0 0"><span class="number" style="display:inline-block;width:23px;height:23px;border-radius:12px;background:#f3f3f0;color:#454952;font-size:12px;line-height:23px;font-weight:600;text-align:center">{number}</span></td>
<td class="ink" style="color:#16181d;font-size:15px;line-height:23px;padding:9px 0 0">{escape(step)}</td></tr>"""
        for number, step in enumerate(alert.steps, 1)
    )
    more = f"{alert.more_steps} more steps" if alert.more_steps > 1 else "One more step" if alert.more_steps else ""
    url, label = (alert.runbook_url, "The whole runbook") if alert.runbook_url else (alert.page, "All steps")
    link = f'<a href="{escape(url)}" class="accent" style="color:#3453c4;font-weight:600">{label}</a>'
    end = f'<div class="ink3" style="color:#656974;font-size:14px;line-height:21px;padding-top:12px">{more}{" &middot; " if more else ""}{link}</div>'
    table = f'<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0">{rows}</table>'
    return f'<tr><td class="edge line" style="border-top:1px solid #e6e6e1;padding:18px 28px 22px">{title if rows else ""}{table if rows else ""}{end}</td></tr>'


def _several(message: Message) -> str:
    parts = [_cell(_headline(headline(message)), "20px 28px 0")]
    if message.event is Event.FIRING and message.level > 1:
        waited = message.at - min(each.since for each in message.alerts)
        parts.append(_cell(_say(f"Nobody has answered for {span(waited)}."), "8px 28px 0"))
    buttons = _button("Acknowledge all", message.acknowledge) if message.acknowledge else ""
    parts.append(_cell(buttons + _second("Open alerts", message.page), "16px 28px 20px"))
    parts += [_row(each, message) for each in message.shown]
    if message.unshown:
        parts.append(
            f'<tr><td class="edge line ink2" style="border-top:1px solid #e6e6e1;padding:14px 28px;color:#454952;font-size:15px">And {message.unshown} more</td></tr>'
        )
    return "".join(parts)


def _row(alert: AlertBrief, message: Message) -> str:
    over = message.event is Event.RESOLVED
    ink = WELL[0] if over else COLOURS[alert.severity][0]
    sign = "&#10003;" if over else SIGNS[alert.severity]
    name = "well" if over else alert.severity.value
    take = (
        f' &middot; <a href="{escape(alert.acknowledge)}" class="accent" style="color:#3453c4;font-weight:600">Acknowledge</a>'
        if alert.acknowledge
        else ""
    )
    return f"""<tr><td class="edge line" style="border-top:1px solid #e6e6e1;padding:13px 28px 14px">
<div style="font-size:15px;line-height:22px"><span class="{name}" style="color:{ink};font-weight:700" title="{alert.severity.value}">{sign}&nbsp;</span><a href="{escape(alert.page)}" class="ink" style="color:#16181d;font-weight:600">{escape(alert.subject)}</a><span class="{name}" style="color:{ink};font-size:13px;font-weight:600">&ensp;{alert.severity.value}</span></div>
<div class="ink" style="color:#16181d;font-size:15px;line-height:22px">{escape(alert.what)}</div>
<div class="ink3" style="color:#656974;font-size:13px;line-height:20px">{escape(since(alert, message))}{take}</div>
</td></tr>"""


def _headline(said: str) -> str:
    return f'<h1 class="ink headline" style="margin:0;color:#16181d;font-size:23px;line-height:30px;font-weight:650;letter-spacing:-.01em">{escape(said)}</h1>'


def _say(said: str) -> str:
    return f'<div class="ink2" style="color:#454952;font-size:15px;line-height:23px">{escape(said)}</div>'


def _cell(inner: str, padding: str = "20px 28px 14px") -> str:
    return f'<tr><td class="edge" style="padding:{padding}">{inner}</td></tr>'


def _button(label: str, url: str) -> str:
    return f'<a href="{escape(url)}" class="button wide" style="display:inline-block;background:#3453c4;color:#ffffff;font-size:16px;line-height:24px;font-weight:650;padding:13px 28px;border-radius:10px;margin:0 10px 8px 0">{label}</a>'


def _second(label: str, url: str) -> str:
    return f'<a href="{escape(url)}" class="second wide" style="display:inline-block;color:#3453c4;font-size:16px;line-height:24px;font-weight:600;padding:12px 22px;border:1px solid #c9cad0;border-radius:10px;margin:0 0 8px 0">{label}</a>'
