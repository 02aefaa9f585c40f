"""A badge: a name and how it stands, as a drawing that other pages put in."""

from __future__ import annotations

from html import escape

from century.overview.status import WORDS, StatusLevel

LONGEST = 40
HEIGHT = 20
PADDING = 6
SHAPE = 16
# Every pair of text and ground is 4.5 : 1 or better, whatever page it is put in.
GROUND = "#3a3e47"
COLOURS = {
    StatusLevel.OPERATIONAL: "#0a6b5a",
    StatusLevel.DEGRADED: "#865600",
    StatusLevel.DOWN: "#b00f2f",
    StatusLevel.MAINTENANCE: "#2b5cb0",
    StatusLevel.UNKNOWN: "#656974",
}
SHAPES = {
    StatusLevel.OPERATIONAL: "M2 6.4 4.9 9.3 10.4 3.3",
    StatusLevel.DEGRADED: "M6 1.6 11 10.4H1zM6 4.8v2.4M6 8.8v.1",
    StatusLevel.DOWN: "M4 1.4h4L10.6 4v4L8 10.6H4L1.4 8V4zM6 3.8v2.8M6 8.4v.1",
    StatusLevel.MAINTENANCE: "M6 1.4a4.6 4.6 0 1 0 0 9.2 4.6 4.6 0 0 0 0-9.2zM6 5.8v2.6M6 3.7v.1",
    StatusLevel.UNKNOWN: "M6 1.4a4.6 4.6 0 1 0 0 9.2 4.6 4.6 0 0 0 0-9.2zM4 6h4",
}
_NARROW, _WIDE = "fijltrI.,:;'|!()[] ", "mwMW@%&"


def width_of(text: str) -> int:
    """About how wide a text of 11 pixels is; the drawing makes it exactly so."""
    return round(
        sum(
            3.7
            if each in _NARROW
            else 9.6
            if each in _WIDE
            else 11
            if ord(each) > 0x2E7F
            else 7.2
            if each.isupper()
            else 6.3
            for each in text
        )
    )


def badge(name: str, level: StatusLevel) -> str:
    """The drawing (SVG)."""
    said = name if len(name) <= LONGEST else name[: LONGEST - 1].rstrip() + "…"
    word = WORDS[level]
    left = width_of(said) + 2 * PADDING
    right = SHAPE + width_of(word) + 2 * PADDING
    title = escape(f"{name}: {word}")
    return f"""<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="{HEIGHT}" viewBox="0 0 {left + right} {HEIGHT}" role="img" aria-label="{title}"><title>{title}</title>
<clipPath id="c"><rect width="{left + right}" height="{HEIGHT}" rx="4"/></clipPath>
<g clip-path="url(#c)"><rect width="{left}" height="{HEIGHT}" fill="{GROUND}"/><rect x="{left}" width="{right}" height="{HEIGHT}" fill="{COLOURS[level]}"/></g>
<path transform="translate({left + PADDING} 4)" d="{SHAPES[level]}" fill="none" stroke="#fff" stroke-width="1.5" stroke-linejoin="round" stroke-linecap="round"/>
<g fill="#fff" font-family="Verdana, Geneva, 'DejaVu Sans', sans-serif" font-size="11"><text x="{PADDING}" y="14" textLength="{width_of(said)}" lengthAdjust="spacingAndGlyphs">{escape(said)}</text><text x="{left + PADDING + SHAPE}" y="14" textLength="{width_of(word)}" lengthAdjust="spacingAndGlyphs">{word}</text></g>
</svg>
"""
